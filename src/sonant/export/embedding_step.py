"""A speaker model that streams as ONNX, step by step: samples and states in, embeddings so far out."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export.embedding import EMBEDDING, TOLERANCE, exportable_embedder
from sonant.export.onnx import INPUT, first_cause, quietly
from sonant.export.step import NEXT, TRIED, StepRunner, leaves_of
from sonant.models.embedder import StreamingSpeakerEmbedder
from sonant.nn.streaming import Streamable, map_state


@final
class EmbeddingStep(nn.Module):
    """A stream with its state outside."""

    def __init__(self, stream: Streamable, *, hop: int) -> None:
        super().__init__()
        self.stream = stream
        self.form = stream.initial_state(torch.zeros(1, 1, hop))

    def forward(self, samples: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        """[batch, samples] and states -> embeddings [batch, size, hops] of length 1, and next states."""
        given = iter(leaves)

        def filled(part: Tensor) -> Tensor:
            # What holds nothing is no input: runtimes do not like tensors without values.
            empty = (samples.shape[0], *part.shape[1:])
            return next(given) if part.numel() else samples.new_zeros(empty)

        answers, after = self.stream.step(samples.unsqueeze(1), map_state(filled, self.form))
        return answers, *leaves_of(after).values()


def export_embedding_step(embedder: StreamingSpeakerEmbedder, path: Path) -> float:
    """Write a speaker model that streams as a step graph and prove it; returns the largest difference.

    Inputs are `samples` [batch, n], n a multiple of the hop, and `state.<place>`; outputs `embedding`
    [batch, size, n / hop], that of all said so far at each hop, and `<state name>.next`. Batch and n are
    free; states begin as zeros. `step.specification` of `embedder.stream` is what a card says of it. Raises
    `ExportError` with the exporter's reason, or where graph and model differ by more than `TOLERANCE`.
    """
    model = exportable_embedder(embedder).embedder
    assert isinstance(model, StreamingSpeakerEmbedder)
    hop = model.front_end.config.hop_length
    _write(model, path, hop=hop)
    noise = np.random.default_rng(0).standard_normal((2, 4 * TRIED * hop), dtype=np.float32)
    return step_difference(embedder, path, 0.1 * noise)


@torch.no_grad()
def step_difference(
    embedder: StreamingSpeakerEmbedder, path: Path, clips: NDArray[np.float32]
) -> float:
    """How far the step graph at `path`, its states fed back, is from the model on `clips` [batch, samples].

    Hop by hop, in ragged steps and all at once. Raises `ExportError` above `TOLERANCE`.
    """
    model = exportable_embedder(embedder).embedder
    assert isinstance(model, StreamingSpeakerEmbedder)
    hop = model.front_end.config.hop_length
    runner = StepRunner(path, hop=hop)
    sound = clips[:, : clips.shape[1] // hop * hop]
    wanted = model.stream(torch.from_numpy(sound).unsqueeze(1)).numpy()
    worst = 0.0
    for hops in runner.cuts(alone=False):
        given = runner.run(sound, hops=hops)
        worst = max(worst, float(np.abs(given - wanted).max(initial=0.0)))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{path.name}: the step graph differs from the model by {worst:.2g} over "
            f"{wanted.shape[0] * wanted.shape[2]} hops (allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def _write(model: StreamingSpeakerEmbedder, path: Path, *, hop: int) -> None:
    step = EmbeddingStep(model.stream, hop=hop).eval()
    # Two streams, since a batch of one would be taken for a constant.
    samples = torch.zeros(2, TRIED * hop)
    state = leaves_of(model.stream.initial_state(samples.unsqueeze(1)))
    batch = {0: torch.export.Dim("batch", min=1)}
    length = {1: hop * torch.export.Dim("hops", min=1)}
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                step,
                (samples, *state.values()),
                dynamo=True,
                verbose=False,
                input_names=[INPUT, *state],
                output_names=[EMBEDDING, *(name + NEXT for name in state)],
                dynamic_shapes=({**batch, **length}, tuple(batch for _ in state)),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(
            f"the speaker model cannot be written as a step graph: {first_cause(error)}"
        ) from error
