"""A vocoder's step graph sounds as the whole vocoder does, however its frames come."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch

from sonant.errors import ExportError
from sonant.export.vocoder import mel_of
from sonant.export.vocoder_step import export_vocoder_step, step_difference, vocoder_specification
from sonant.models.vocoders import Vocoder, build_vocoder
from sonant.models.vocos import VocosConfig
from sonant.nn.voice_mel import VoiceMel
from sounds import white

MEL = VoiceMel(window_length=256, hop_length=64, mels=20)


def fresh(*, turns: int, seed: int = 0) -> Vocoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = VocosConfig(dim=16, hidden=24, layers=2, lookahead=3, turns=turns)
        return build_vocoder(MEL, config, rate_hz=16_000)


@pytest.mark.parametrize("turns", [0, 2])
def test_steps_of_any_length_give_the_whole_sound(tmp_path: Path, turns: int) -> None:
    vocoder, path = fresh(turns=turns), tmp_path / "steps.onnx"
    speech = mel_of(vocoder, white(1, length=5000)[0].numpy())
    assert export_vocoder_step(vocoder, path, clips=[speech]) <= 1e-4 * (1 + turns)
    spec = vocoder_specification(vocoder, macs_per_second=1.0)
    mel, *states = onnxruntime.InferenceSession(str(path)).get_inputs()
    assert mel.name == "mel"
    assert [(end.name, tuple(end.shape[1:])) for end in states] == [
        (state.name, state.shape) for state in spec.states
    ]
    # Frames looked ahead, half a window, and for a turn the window less a hop.
    assert (spec.hop, spec.delay) == (64, (3 + 2 + 3 * turns) * 64)
    if not turns:
        with pytest.raises(ExportError, match="differs from the vocoder"):
            step_difference(fresh(turns=0, seed=1), path, [])


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise RuntimeError("no such operator\nand pages of advice")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(ExportError, match=r"steps cannot be written as ONNX: RuntimeError: no su"):
        export_vocoder_step(fresh(turns=0), tmp_path / "steps.onnx")
