"""A whole-clip model as ONNX: samples or features in, probabilities out, free batch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export.onnx_images import hasten

INPUT = "samples"
FEATURES = "features"
"""What the input is called where the front end is elsewhere."""
OUTPUT = "probabilities"
TOLERANCE = 1e-4
"""Largest difference of a probability between the graph and the model."""


class Probabilities(nn.Module):
    """A classifier with its softmax, as it leaves the house."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, samples] -> probabilities [batch, labels]."""
        return torch.softmax(self.classifier(samples), dim=1)


def exportable(classifier: nn.Module) -> nn.Module:
    """A copy on the CPU, in float32 and evaluation mode, with its softmax."""
    model = Probabilities(deepcopy(classifier)).to("cpu", torch.float32)
    # Channels-last weights, good for training, would be written as transposed constants.
    for part in (*model.parameters(), *model.buffers()):
        part.data = part.data.contiguous()
    return model.eval()


def export_whole(classifier: nn.Module, path: Path, *, samples: int) -> None:
    """Write `classifier` as ONNX for input [batch, `samples`].

    Raises `ExportError` with the exporter's reason.
    """
    export_clips(classifier, path, shape=(samples,))


def export_clips(module: nn.Module, path: Path, *, shape: Sequence[int]) -> None:
    """The same for any module that gives logits: `shape` is [samples], or [bins, frames] of features."""
    model = exportable(module)
    # Two clips, since a batch of one would be taken for a constant.
    example = torch.zeros(2, *shape)
    name = INPUT if len(shape) == 1 else FEATURES
    batch = torch.export.Dim("batch", min=1)
    try:
        with quietly():
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                verbose=False,
                input_names=[name],
                output_names=[OUTPUT],
                dynamic_shapes=({0: batch},),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
            hasten(path, {name: _noise(*example.shape)})
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(f"the model cannot be written as ONNX: {first_cause(error)}") from error


def difference(classifier: nn.Module, path: Path, clips: NDArray[np.float32]) -> float:
    """How far the graph at `path` is from the model: the largest difference of a probability.

    `clips` is [batch, samples], or [batch, bins, frames] of features. Raises `ExportError` above
    `TOLERANCE`, or where the two name different labels.
    """
    with torch.no_grad():
        wanted = exportable(classifier)(torch.from_numpy(clips)).numpy()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (given,) = session.run([OUTPUT], {session.get_inputs()[0].name: clips})
    worst = float(np.abs(given - wanted).max())
    clear = np.sort(wanted, axis=1)[:, -1] - np.sort(wanted, axis=1)[:, -2] > 2 * TOLERANCE
    agree = given.argmax(1) == wanted.argmax(1)
    if not worst <= TOLERANCE or not agree[clear].all():
        raise ExportError(
            f"{path.name}: the ONNX graph differs from the model by {worst:.2g} on {len(clips)} clips "
            f"(allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def first_cause(error: BaseException) -> str:
    """The first cause, in one line: the exporter wraps it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"


def _noise(*shape: int) -> NDArray[np.float32]:
    return 0.1 * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@contextmanager
def quietly() -> Iterator[None]:
    """The exporter warns of its own deprecations and of opset details; none of it is for our user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
