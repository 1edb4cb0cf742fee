"""A stream as ONNX, step by step: samples and states in, what the model answers and next states out.

A classifier's stream gives logits and is answered in probabilities; a speaker model's gives embeddings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.card import StateSpec, StreamSpec
from sonant.errors import ExportError
from sonant.export.embedding import EMBEDDING
from sonant.export.onnx import INPUT, OUTPUT, TOLERANCE, exportable, first_cause, quietly
from sonant.export.onnx_images import hasten
from sonant.models.embedder import EmbeddingStream
from sonant.nn.streaming import State, Streamable, map_state, named_leaves

NEXT = ".next"
"""Behind the name of a state: what it is after the step."""
TRIED = 7
"""Hops in the example that a graph of free length is traced with; few layers are as wide."""
RAGGED = (1, 3, 2, 5)
"""Hops of one step after the other, where the graph leaves them free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a step graph says of every hop."""

    output: str
    """Name of the graph's output."""
    of: Callable[[Tensor], Tensor]
    """What the stream gives -> what is said, [batch, values, frames] both."""
    names: bool
    """Whether the highest value names a label, which has to be the model's own."""


PROBABILITIES: Final = Answer(output=OUTPUT, of=lambda logits: torch.softmax(logits, 1), names=True)
EMBEDDINGS: Final = Answer(output=EMBEDDING, of=lambda embeddings: embeddings, names=False)


def answer_of(stream: Streamable) -> Answer:
    """What is said of a stream: its embeddings where it gives such, else the probabilities of its logits."""
    return EMBEDDINGS if isinstance(stream, EmbeddingStream) else PROBABILITIES


class Step(nn.Module):
    """A stream with its state outside."""

    def __init__(self, stream: Streamable) -> None:
        super().__init__()
        self.stream = stream
        self.answer = answer_of(stream)
        self.form = stream.initial_state(_silence(stream, batch=1))

    def forward(self, samples: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        """[batch, samples] and states -> answers [batch, values, hops] and next states."""
        given = iter(leaves)

        def filled(part: Tensor) -> Tensor:
            # What holds nothing is no input: runtimes do not like tensors without values.
            empty = (samples.shape[0], *part.shape[1:])
            return next(given) if part.numel() else samples.new_zeros(empty)

        said, after = self.stream.step(samples.unsqueeze(1), map_state(filled, self.form))
        return self.answer.of(said), *leaves_of(after).values()


def leaves_of(state: State) -> dict[str, Tensor]:
    """The tensors of a state that hold anything, by the names they have in the graph."""
    return {name: leaf for name, leaf in named_leaves(state).items() if leaf.numel()}


def specification(stream: Streamable, *, macs_per_second: float) -> StreamSpec:
    """What the card says of a step graph; a model that never forgets is warm after one hop."""
    hop = _hop(stream)
    form = stream.initial_state(_silence(stream, batch=1))
    return StreamSpec(
        hop=hop,
        delay=int(stream.delay),
        warm_up=int(stream.receptive_field or hop),
        macs_per_second=macs_per_second,
        states=tuple(
            StateSpec(name=name, next=name + NEXT, shape=tuple(leaf.shape[1:]))
            for name, leaf in leaves_of(form).items()
        ),
    )


def export_step(stream: Streamable, path: Path, *, hops: int | None = None) -> int | None:
    """Write a stream of samples [batch, 1, samples] as a step graph that says its `answer_of`.

    The batch is free. A step takes `hops` hops; None leaves their number free where the exporter and
    onnxruntime manage that for this network, and else takes one. Returns the hops of the graph, None
    where free. Raises `ExportError` with the exporter's reason, or where a new stream remembers
    anything but zeros, with which all runtimes begin.
    """
    fresh = leaves_of(stream.initial_state(_silence(stream, batch=1)))
    if odd := [name for name, leaf in fresh.items() if leaf.any()]:
        raise ExportError(f"{odd[0]}: a new stream begins with other values than zeros here")
    if hops is not None:
        _write(stream, path, hops=hops)
        return hops
    try:
        _write(stream, path, hops=None)
        difference(stream, path, _noise(samples=4 * TRIED * _hop(stream)))
    except ExportError:
        # Some layer took the length of the example for a constant.
        _write(stream, path, hops=1)
        return 1
    return None


def difference(stream: Streamable, path: Path, clips: NDArray[np.float32]) -> float:
    """How far the graph at `path`, its states fed back, is from the model on whole signals.

    `clips` is [batch, samples]: all at once, hop by hop and in ragged steps, and one after the other
    in a single stream that is never reset; states begin as zeros. Returns the largest difference of
    a value. Raises `ExportError` above `TOLERANCE`, or where the two name different labels.
    """
    runner = StepRunner(path, hop=_hop(stream))
    model, answer, worst = _ready(stream), answer_of(stream), 0.0
    for sound in (clips, clips.reshape(1, -1)):
        cut = sound[:, : sound.shape[1] // runner.least * runner.least]
        with torch.no_grad():
            whole = answer.of(model(torch.from_numpy(cut).unsqueeze(1))).numpy()
        for hops in runner.cuts(alone=len(sound) == 1):
            given = runner.run(cut, hops=hops)
            worst = max(worst, _apart(given, whole, path=path, names=answer.names))
    return worst


class StepRunner:
    """A step graph in onnxruntime, run over whole signals."""

    def __init__(self, path: Path, *, hop: int) -> None:
        """Open the graph; raises `ExportError` where onnxruntime cannot."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        self.path = path
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise ExportError(f"{path.name}: onnxruntime cannot open it ({error})") from error
        samples, *self.states = self.session.get_inputs()
        self.hop = hop
        self.free = not isinstance(samples.shape[1], int)
        self.least = hop if self.free else int(samples.shape[1])
        """Samples of the shortest step."""

    def cuts(self, *, alone: bool) -> list[tuple[int, ...]]:
        """Ways to cut a signal, in hops of one step after the other."""
        hop_by_hop = (self.least // self.hop,)
        if not self.free:
            return [hop_by_hop]
        return [hop_by_hop] if alone else [hop_by_hop, RAGGED, (10**9,)]

    def run(self, sound: NDArray[np.float32], *, hops: Sequence[int]) -> NDArray[np.float32]:
        """[batch, samples] from zero states -> answers [batch, values, frames]."""
        state = {
            end.name: np.zeros((len(sound), *end.shape[1:]), np.float32) for end in self.states
        }
        answers = []
        for step in self._steps(sound, hops):
            try:
                answer, *after = self.session.run(None, {INPUT: step, **state})
            except Exception as error:  # onnxruntime's errors share no narrower class
                raise ExportError(f"{self.path.name}: failed ({error})") from error
            answers.append(answer)
            state = dict(zip(state, after, strict=True))
        return np.concatenate(answers, axis=2)

    def _steps(
        self, sound: NDArray[np.float32], hops: Sequence[int]
    ) -> Iterator[NDArray[np.float32]]:
        at = 0
        for count in cycle(hops):
            if at >= sound.shape[1]:
                return
            yield np.ascontiguousarray(sound[:, at : at + count * self.hop])
            at += count * self.hop


def _apart(
    given: NDArray[np.float32], whole: NDArray[np.float32], *, path: Path, names: bool
) -> float:
    """The largest difference; raises `ExportError` above the tolerance."""
    if given.shape != whole.shape:
        raise ExportError(
            f"{path.name}: the step graph answers {list(given.shape)}, the model {list(whole.shape)}"
        )
    worst = float(np.abs(given - whole).max(initial=0.0))
    if not worst <= TOLERANCE or (names and not _agree(given, whole)):
        raise ExportError(
            f"{path.name}: the step graph differs from the model by {worst:.2g} over "
            f"{whole.shape[0] * whole.shape[2]} frames (allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def _agree(given: NDArray[np.float32], whole: NDArray[np.float32]) -> bool:
    """Whether both name the same labels wherever one is clearly ahead."""
    if whole.shape[1] < 2:
        return True
    ranked = np.sort(whole, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 2 * TOLERANCE
    return bool((given.argmax(1) == whole.argmax(1))[clear].all())


def _ready(stream: Streamable) -> Streamable:
    """A copy as it leaves the house: on the CPU, in float32 and evaluation mode."""
    inner = exportable(stream).classifier
    assert isinstance(inner, Streamable)
    return inner


def _write(stream: Streamable, path: Path, *, hops: int | None) -> None:
    """Export with a free batch, and a free number of hops where none is given."""
    hop = _hop(stream)
    inner = _ready(stream)
    model = Step(inner).eval()
    # Two streams, since a batch of one would be taken for a constant.
    samples = torch.zeros(2, (hops or TRIED) * hop)
    state = leaves_of(inner.initial_state(samples.unsqueeze(1)))
    batch = {0: torch.export.Dim("batch", min=1)}
    length = {} if hops else {1: hop * torch.export.Dim("hops", min=1)}
    try:
        with quietly(), _hushed(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (samples, *state.values()),
                dynamo=True,
                verbose=False,
                input_names=[INPUT, *state],
                output_names=[model.answer.output, *(name + NEXT for name in state)],
                dynamic_shapes=({**batch, **length}, tuple(batch for _ in state)),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(f"the stream cannot be written as ONNX: {first_cause(error)}") from error
    if hops is None:  # for one hop there are other rules
        noise = np.random.default_rng(0)
        given = {INPUT: samples, **state}
        hasten(path, {n: noise.standard_normal(t.shape, np.float32) for n, t in given.items()})


@contextmanager
def _hushed() -> Iterator[None]:
    """What the tracer logs of a length it cannot leave free comes as an error anyway."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _hop(stream: Streamable) -> int:
    if not isinstance(stream.hop, int):
        raise ExportError(
            f"the stream gives a frame every {stream.hop} samples; a step graph wants a whole "
            f"number of samples for each frame"
        )
    return stream.hop


def _silence(stream: Streamable, *, batch: int) -> Tensor:
    return torch.zeros(batch, 1, _hop(stream))


def _noise(*, samples: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal((2, samples), dtype=np.float32)
    return 0.1 * noise
