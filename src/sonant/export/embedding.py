"""A speaker model as ONNX: samples of any length in, an embedding out, front end inside."""

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
from sonant.export.onnx import INPUT, first_cause, quietly
from sonant.models.embedder import SpeakerEmbedder, scaled

LENGTHS: Final = "lengths"
EMBEDDING: Final = "embedding"
NORM: Final = "norm"
TOLERANCE: Final = 1e-4
"""Largest difference of a value of an embedding between the graph and the model."""
TRIED: Final = 37
"""Hops behind the first window of the example that the graph is traced with; no layer is as wide."""


@final
class Embedding(nn.Module):
    """A speaker model as it leaves the house."""

    def __init__(self, embedder: SpeakerEmbedder) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, samples] and lengths [batch] -> embeddings [batch, size], and their norms [batch].

        Embeddings are of length 1; norms are what the length was before.
        """
        unscaled = self.embedder.unscaled(samples.unsqueeze(1), lengths)
        return scaled(unscaled), torch.linalg.vector_norm(unscaled, dim=1)


def exportable_embedder(embedder: SpeakerEmbedder) -> Embedding:
    """A copy on the CPU, in float32 and evaluation mode."""
    model = Embedding(deepcopy(embedder)).to("cpu", torch.float32)
    for part in (*model.parameters(), *model.buffers()):
        part.data = part.data.contiguous()
    return model.eval()


def export_embedding(
    embedder: SpeakerEmbedder, path: Path, *, clips: Sequence[NDArray[np.float32]] = ()
) -> float:
    """Write a speaker model as ONNX and prove it; returns the largest difference of a value.

    Inputs are `samples` [batch, n], n no less than one window, and `lengths` [batch], int64, in samples;
    outputs `embedding` [batch, size], of length 1, and `norm` [batch]. Batch and n are free. The graph is
    held against the model on noise of several lengths and on `clips`, each [samples]. Raises `ExportError`
    with the exporter's reason, or where the two differ by more than `TOLERANCE`.
    """
    model = exportable_embedder(embedder)
    _write(model, path)
    return embedding_difference(embedder, path, [*_noise(embedder), *clips])


def embedding_difference(
    embedder: SpeakerEmbedder, path: Path, clips: Sequence[NDArray[np.float32]]
) -> float:
    """How far the graph at `path` is from the model, on `clips` in one batch and one by one.

    Raises `ExportError` above `TOLERANCE`.
    """
    model = exportable_embedder(embedder)
    session = _session(path)
    worst = 0.0
    for group in (clips, *([clip] for clip in clips)):
        samples, lengths = batch_of(group, least=embedder.least_samples)
        with torch.no_grad():
            wanted, _ = model(torch.from_numpy(samples), torch.from_numpy(lengths))
        (given,) = session.run([EMBEDDING], {INPUT: samples, LENGTHS: lengths})
        # Not `max`: it takes what is no number for the smaller one.
        worst = float(np.maximum(worst, np.abs(given - wanted.numpy()).max(initial=0.0)))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{path.name}: the ONNX graph differs from the model by {worst:.2g} on {len(clips)} "
            f"clips (allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def batch_of(
    clips: Sequence[NDArray[np.float32]], *, least: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clips [samples] of any length as what the graph takes: [batch, n] with silence behind, lengths."""
    lengths = np.array([len(clip) for clip in clips], np.int64)
    samples = np.zeros((len(clips), max(least, *lengths.tolist(), 0)), np.float32)
    for row, clip in zip(samples, clips, strict=True):
        row[: len(clip)] = clip
    return samples, lengths


def _write(model: Embedding, path: Path) -> None:
    config = model.embedder.front_end.config
    window, hop = config.window_length, config.hop_length
    # Two utterances, since a batch of one would be taken for a constant.
    samples = torch.zeros(2, window + TRIED * hop + hop // 2)
    lengths = torch.tensor([samples.shape[1], window + hop])
    batch = torch.export.Dim("batch", min=1)
    length = torch.export.Dim("n", min=window)
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (samples, lengths),
                dynamo=True,
                verbose=False,
                input_names=[INPUT, LENGTHS],
                output_names=[EMBEDDING, NORM],
                dynamic_shapes=({0: batch, 1: length}, {0: batch}),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(
            f"the speaker model cannot be written as ONNX: {first_cause(error)}"
        ) from error


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _noise(embedder: SpeakerEmbedder) -> list[NDArray[np.float32]]:
    config = embedder.front_end.config
    window, hop = config.window_length, config.hop_length
    draw = np.random.default_rng(0)
    lengths = (window, window + 1, window + 5 * hop - 1, window + 40 * hop, window // 2)
    return [0.1 * draw.standard_normal(length, dtype=np.float32) for length in lengths]
