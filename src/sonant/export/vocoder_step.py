"""A vocoder as ONNX, step by step: frames of a mel and states in, sound and next states out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Final, final

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.card import StateSpec, StreamSpec
from sonant.errors import ExportError
from sonant.export.onnx import first_cause, quietly
from sonant.export.step import NEXT, RAGGED, leaves_of
from sonant.export.vocoder import MEL, SAMPLES, TRIED, distance, exportable_vocoder
from sonant.models.vocoders import Vocoder
from sonant.nn.streaming import map_state

NOISE_FRAMES: Final = 40
"""Frames of noise on which a step graph is held to the vocoder, besides those it waits for."""

Mel = NDArray[np.float32]
"""[batch, mels, frames]"""


@final
class Stepping(nn.Module):
    """A vocoder's network with its state outside."""

    def __init__(self, vocoder: Vocoder) -> None:
        super().__init__()
        self.network = exportable_vocoder(vocoder).vocoder.network
        self.form = self.network.initial_state(torch.zeros(1, vocoder.front_end.config.mels, 1))

    def forward(self, mel: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        """[batch, mels, frames] and states -> samples [batch, frames x hop], late, and next states."""
        given = iter(leaves)

        def filled(part: Tensor) -> Tensor:
            # What holds nothing is no input: runtimes do not like tensors without values.
            return next(given) if part.numel() else mel.new_zeros(mel.shape[0], *part.shape[1:])

        sound, after = self.network.step(mel, map_state(filled, self.form))
        return sound[:, 0], *leaves_of(after).values()


def vocoder_specification(vocoder: Vocoder, *, macs_per_second: float) -> StreamSpec:
    """What the card says of the step graph; lengths in samples of the sound.

    A new stream is warm once no state before its beginning is heard.
    """
    stepping, hop = Stepping(vocoder), vocoder.front_end.config.hop_length
    network = stepping.network
    assert network.receptive_field is not None, "all its layers have an end"
    return StreamSpec(
        hop=hop,
        delay=int(network.delay) * hop,
        warm_up=int(network.receptive_field) * hop,
        macs_per_second=macs_per_second,
        states=tuple(
            StateSpec(name=name, next=name + NEXT, shape=tuple(leaf.shape[1:]))
            for name, leaf in leaves_of(stepping.form).items()
        ),
    )


def export_vocoder_step(vocoder: Vocoder, path: Path, *, clips: Sequence[Mel] = ()) -> float:
    """Write a vocoder's step graph and prove it; returns the largest difference of a sample.

    Inputs are `mel` [batch, mels, frames] and the states, which begin as zeros; outputs are `samples`
    [batch, frames x hop] and the states behind them. The sound of a frame comes `delay` later, so what is
    first is not yet sound, and silence has to follow the last frame. The graph is held to the whole vocoder
    on noise and on `clips`, [batch, mels, frames] each, in steps of several lengths. Raises `ExportError`
    with the exporter's reason, or where the two differ by more than the whole graph may.
    """
    stepping = Stepping(vocoder).eval()
    _write(stepping, path, mels=vocoder.front_end.config.mels)
    return step_difference(vocoder, path, clips)


def step_difference(vocoder: Vocoder, path: Path, clips: Sequence[Mel]) -> float:
    """How far the graph at `path` is from the whole vocoder; raises `ExportError` where too far."""
    model = exportable_vocoder(vocoder).vocoder
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for mel in (_noise(vocoder), *clips):
        with torch.no_grad():
            wanted = model.sound(torch.from_numpy(mel)).numpy()
        for cuts in ((1,), RAGGED, (10**9,)):
            given = _stepped(session, vocoder, mel, cuts)
            # Not `max`: it takes what is no number for the smaller one.
            worst = float(np.maximum(worst, np.abs(given - wanted).max(initial=0.0)))
            apart, allowed = distance(given, wanted, turns=model.network.turns)
            if not apart <= allowed:
                raise ExportError(
                    f"{path.name}: the step graph differs from the vocoder by {apart:.2g} (allowed: "
                    f"{allowed:g}); it was not kept"
                )
    return worst


def _stepped(
    session: onnxruntime.InferenceSession, vocoder: Vocoder, mel: Mel, cuts: Sequence[int]
) -> NDArray[np.float32]:
    """The sound of a mel, frame after frame, without what comes before it."""
    config, late = vocoder.front_end.config, vocoder.delay
    silence = np.full((*mel.shape[:2], late), np.log(config.floor), np.float32)
    fed = np.concatenate([mel, silence], 2)
    _, *ends = session.get_inputs()
    state = {end.name: np.zeros((len(mel), *end.shape[1:]), np.float32) for end in ends}
    made, at = [], 0
    for count in cycle(cuts):
        if at >= fed.shape[2]:
            break
        step = np.ascontiguousarray(fed[..., at : at + count])
        sound, *after = session.run(None, {MEL: step, **state})
        state, at = dict(zip(state, after, strict=True)), at + count
        made.append(sound)
    whole: NDArray[np.float32] = np.concatenate(made, 1)[:, late * config.hop_length :]
    return whole


def _write(stepping: Stepping, path: Path, *, mels: int) -> None:
    # Two streams, since a batch of one would be taken for a constant.
    mel = torch.zeros(2, mels, TRIED)
    state = leaves_of(stepping.network.initial_state(mel))
    batch = torch.export.Dim("batch", min=1)
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                stepping,
                (mel, *state.values()),
                dynamo=True,
                verbose=False,
                input_names=[MEL, *state],
                output_names=[SAMPLES, *(name + NEXT for name in state)],
                dynamic_shapes=(
                    {0: batch, 2: torch.export.Dim("frames", min=1)},
                    tuple({0: batch} for _ in state),
                ),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(
            f"the vocoder's steps cannot be written as ONNX: {first_cause(error)}"
        ) from error


def _noise(vocoder: Vocoder) -> Mel:
    """Two spectrograms of noise about as loud as speech."""
    shape = (2, vocoder.front_end.config.mels, vocoder.delay + NOISE_FRAMES)
    draw = np.random.default_rng(0)
    return (-5 + 2 * draw.standard_normal(shape, dtype=np.float32)).astype(np.float32)
