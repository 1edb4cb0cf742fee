"""A vocoder's graph sounds as the vocoder does, for any number of frames and sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sonant.errors import ExportError
from sonant.export.vocoder import export_vocoder, mel_of, vocoder_difference
from sonant.models.vocoders import Vocoder, build_vocoder
from sonant.models.vocos import VocosConfig
from sonant.nn.voice_mel import VoiceMel
from sounds import white

MEL = VoiceMel(window_length=256, hop_length=64, mels=20)


def fresh(seed: int = 0, *, turns: int = 0) -> Vocoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = VocosConfig(dim=16, hidden=24, layers=2, lookahead=3, turns=turns)
        return build_vocoder(MEL, config, rate_hz=16_000)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "vocoder.onnx"
    clips = [white(1, length=length)[0].numpy() for length in (1, 5000)]
    assert export_vocoder(fresh(), path, clips=clips) <= 1e-4
    return path


def test_the_graph_takes_a_mel_and_gives_samples(graph: Path) -> None:
    session = onnxruntime.InferenceSession(str(graph))
    ((mel,), (samples,)) = session.get_inputs(), session.get_outputs()
    assert (mel.name, samples.name) == ("mel", "samples")
    assert mel.shape[1] == 20
    for batch, frames in ((1, 1), (3, 50), (1, 400)):
        given = np.zeros((batch, 20, frames), np.float32)
        (made,) = session.run(None, {"mel": given})
        assert made.shape == (batch, frames * 64)


def test_there_is_no_operator_that_few_runtimes_have(graph: Path) -> None:
    import onnx

    operators = {node.op_type for node in onnx.load(graph).graph.node}
    assert not operators & {"DFT", "STFT", "Loop", "Scan", "If"}


def test_a_graph_of_another_vocoder_is_refused(graph: Path) -> None:
    with pytest.raises(ExportError, match="differs from the vocoder"):
        vocoder_difference(fresh(seed=1), graph, [white(1)[0].numpy()])


def test_one_with_turns_is_held_to_the_energy_of_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "vocoder.onnx"
    # Quiet behind a click: most bins hold nearly nothing, and may take any phase.
    clip = np.zeros(4000, np.float32)
    clip[100] = 0.5
    export_vocoder(fresh(turns=2), path, clips=[clip])
    with pytest.raises(ExportError, match=r"on one of 1 clips or on noise \(allowed: 0.02\)"):
        vocoder_difference(fresh(seed=1, turns=2), path, [clip])


def test_exporting_leaves_the_vocoder_as_it_was(tmp_path: Path) -> None:
    vocoder = fresh().train()
    mel = torch.from_numpy(mel_of(vocoder, white(1)[0].numpy()))
    before = vocoder.sound(mel)
    export_vocoder(vocoder, tmp_path / "vocoder.onnx")
    assert vocoder.training
    assert torch.equal(vocoder.sound(mel), before)


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise RuntimeError("no such operator\nand pages of advice")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(
        ExportError, match=r"cannot be written as ONNX: RuntimeError: no such operator$"
    ):
        export_vocoder(fresh(), tmp_path / "vocoder.onnx")
