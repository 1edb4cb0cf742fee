"""A spoof detector as ONNX: samples in, probabilities of bona fide and spoof out, front end inside."""

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
from sonant.export.onnx import INPUT, OUTPUT, first_cause, quietly
from sonant.models.detector import SpoofDetector

TOLERANCE: Final = 1e-4
"""Largest difference of a probability between the graph and the model."""
TRIED: Final = 37
"""Hops beyond the shortest clip of the example that the graph is traced with; no layer is as wide."""


@final
class Detection(nn.Module):
    """A detector as it leaves the house."""

    def __init__(self, detector: SpoofDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, samples] -> probabilities [batch, 2], bona fide first."""
        return torch.softmax(self.detector(samples), dim=1)


def exportable_detector(detector: SpoofDetector) -> Detection:
    """A copy on the CPU, in float32 and evaluation mode."""
    model = Detection(deepcopy(detector)).to("cpu", torch.float32)
    for part in (*model.parameters(), *model.buffers()):
        part.data = part.data.contiguous()
    return model.eval()


def export_detector(
    detector: SpoofDetector, path: Path, *, clips: Sequence[NDArray[np.float32]] = ()
) -> float:
    """Write a detector as ONNX and prove it; returns the largest difference of a probability.

    Input is `samples` [batch, n], output `probabilities` [batch, 2], bona fide first. The batch is free, and
    n where the network is, from `least_samples` on; else n is the one length that it hears. The graph is
    held against the model on noise and on `clips`, each [samples] by itself. Raises `ExportError` with the
    exporter's reason, or where the two differ by more than `TOLERANCE`.
    """
    _write(exportable_detector(detector), path)
    return detector_difference(detector, path, [*_noise(detector), *clips])


def detector_difference(
    detector: SpoofDetector, path: Path, clips: Sequence[NDArray[np.float32]]
) -> float:
    """How far the graph at `path` is from the model; raises `ExportError` above `TOLERANCE`.

    Clips are brought to lengths that the graph takes, as the model itself does.
    """
    model, session = exportable_detector(detector), _session(path)
    worst = 0.0
    for clip in clips:
        samples = fitted(clip, detector)[None]
        with torch.no_grad():
            wanted = model(torch.from_numpy(clip[None])).numpy()
        (given,) = session.run([OUTPUT], {INPUT: samples})
        # Not `max`: it takes what is no number for the smaller one.
        worst = float(np.maximum(worst, np.abs(given - wanted).max(initial=0.0)))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{path.name}: the ONNX graph differs from the model by {worst:.2g} on {len(clips)} clips "
            f"(allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def fitted(clip: NDArray[np.float32], detector: SpoofDetector) -> NDArray[np.float32]:
    """[samples] said again until the graph takes it, or cut to the one length that it takes."""
    if detector.fixed_samples is not None:
        return np.resize(clip, detector.fixed_samples)
    return np.resize(clip, max(len(clip), detector.least_samples))


def _write(model: Detection, path: Path) -> None:
    detector = model.detector
    length = detector.fixed_samples
    if length is None:
        hop = detector.front_end.config.hop_length
        length = detector.least_samples + TRIED * hop + hop // 2
    sizes = {0: torch.export.Dim("batch", min=1)}
    if detector.fixed_samples is None:
        sizes[1] = torch.export.Dim("n", min=detector.least_samples)
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                model,
                # Two clips, since a batch of one would be taken for a constant.
                (torch.zeros(2, length),),
                dynamo=True,
                verbose=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=(sizes,),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(
            f"the detector cannot be written as ONNX: {first_cause(error)}"
        ) from error


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _noise(detector: SpoofDetector) -> list[NDArray[np.float32]]:
    """Clips of several lengths, one of them too short."""
    draw, least = np.random.default_rng(0), detector.least_samples
    lengths = (least // 2, least, least + 1, 2 * least + 17)
    return [0.1 * draw.standard_normal(length, dtype=np.float32) for length in lengths]
