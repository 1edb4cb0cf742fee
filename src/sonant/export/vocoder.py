"""A vocoder as ONNX: a mel spectrogram of any length in, sound out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final, final

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export.onnx import first_cause, quietly
from sonant.models.vocoders import Vocoder

MEL: Final = "mel"
SAMPLES: Final = "samples"
TOLERANCE: Final = 1e-4
"""Largest difference of a sample, of full scale 1, from a model without Griffin-Lim turns."""
SHARE: Final = 0.02
"""Largest difference from one with turns: root mean square, as a share of the sound's.

A bin that holds nearly nothing may take any phase, and turns carry that on: single samples tell little.
"""
TRIED: Final = 37
"""Frames of the example that the graph is traced with; no layer is as wide."""
NOISE_FRAMES: Final = (1, 2, 23, 150)
"""Lengths at which the graph is held against the model besides real speech."""


@final
class Sounding(nn.Module):
    """A vocoder as it leaves the house."""

    def __init__(self, vocoder: Vocoder) -> None:
        super().__init__()
        self.vocoder = vocoder

    def forward(self, mel: Tensor) -> Tensor:
        """[batch, mels, frames] -> samples [batch, frames x hop]."""
        return self.vocoder.sound(mel)


def exportable_vocoder(vocoder: Vocoder) -> Sounding:
    """A copy on the CPU, in float32 and evaluation mode."""
    model = Sounding(deepcopy(vocoder)).to("cpu", torch.float32)
    for part in (*model.parameters(), *model.buffers()):
        part.data = part.data.contiguous()
    return model.eval()


def export_vocoder(
    vocoder: Vocoder, path: Path, *, clips: Sequence[NDArray[np.float32]] = ()
) -> float:
    """Write a vocoder as ONNX and prove it; returns the largest difference of a sample.

    The input is `mel` [batch, mels, frames], log magnitudes around every hop, the output `samples`
    [batch, frames x hop], the first of which lies at the middle of the first frame; batch and frames are
    free. The graph is held against the model on noise of several lengths and on the speech of `clips`,
    each [samples]. Raises `ExportError` with the exporter's reason, or where the two differ by more than
    `TOLERANCE`, or `SHARE` with turns.
    """
    _write(exportable_vocoder(vocoder), path)
    return vocoder_difference(vocoder, path, clips)


def vocoder_difference(vocoder: Vocoder, path: Path, clips: Sequence[NDArray[np.float32]]) -> float:
    """How far the graph at `path` is from the model; raises `ExportError` where that is too far."""
    model = exportable_vocoder(vocoder)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for mel in (*_noise(vocoder), *(mel_of(vocoder, clip) for clip in clips)):
        with torch.no_grad():
            wanted = model(torch.from_numpy(mel)).numpy()
        (given,) = session.run([SAMPLES], {MEL: mel})
        if given.shape != wanted.shape:
            raise ExportError(
                f"{path.name}: gives {list(given.shape)} for {list(mel.shape)}, the model "
                f"{list(wanted.shape)}"
            )
        # Not `max`: it takes what is no number for the smaller one.
        worst = float(np.maximum(worst, np.abs(given - wanted).max(initial=0.0)))
        apart, allowed = distance(given, wanted, turns=vocoder.network.turns)
        if not apart <= allowed:
            raise ExportError(
                f"{path.name}: the ONNX graph differs from the vocoder by {apart:.2g} on one of "
                f"{len(clips)} clips or on noise (allowed: {allowed:g}); it was not kept"
            )
    return worst


def distance(
    given: NDArray[np.float32], wanted: NDArray[np.float32], *, turns: int
) -> tuple[float, float]:
    """How far two sounds of a vocoder with so many turns are apart, and how far they may be."""
    if turns:
        return _rms(given - wanted) / max(_rms(wanted), TOLERANCE), SHARE
    return float(np.abs(given - wanted).max(initial=0.0)), TOLERANCE


def mel_of(vocoder: Vocoder, clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the vocoder's own front end makes of a clip [samples], as a batch of one."""
    front_end = deepcopy(vocoder.front_end).to("cpu", torch.float32)
    with torch.no_grad():
        mel: NDArray[np.float32] = front_end(torch.from_numpy(clip)[None, None]).numpy()
    return mel


def _write(model: Sounding, path: Path) -> None:
    # Two of them, since a batch of one would be taken for a constant.
    example = torch.zeros(2, model.vocoder.front_end.config.mels, TRIED)
    free = {0: torch.export.Dim("batch", min=1), 2: torch.export.Dim("frames", min=1)}
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                verbose=False,
                input_names=[MEL],
                output_names=[SAMPLES],
                dynamic_shapes=(free,),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(f"the vocoder cannot be written as ONNX: {first_cause(error)}") from error


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _noise(vocoder: Vocoder) -> list[NDArray[np.float32]]:
    """Spectrograms of noise about as loud as speech, the last of them a batch."""
    draw = np.random.default_rng(0)
    mels = vocoder.front_end.config.mels
    shapes = [(1, mels, frames) for frames in NOISE_FRAMES] + [(3, mels, 40)]
    return [
        (-5 + 2 * draw.standard_normal(shape, dtype=np.float32)).astype(np.float32)
        for shape in shapes
    ]
