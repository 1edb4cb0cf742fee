"""Live streams on a bundle's step graph: any number of samples in, an answer for each hop out; no torch.

    graph = StreamGraph(Card.read(find(path)))      opened once, for any number of streams
    session = graph.open()                          one stream
    session.push(samples)                           [frames, values], often no frame
    graph.step(sessions, chunks)                    many streams of any age in one run

An answer has a probability for each label, or is the embedding of all said so far. A graph may be used
from several threads, a session from one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant.audio import PCM16_SCALE, Samples
from sonant.card import Card
from sonant.errors import AudioError, BundleError, SonantError
from sonant.runtime.step_graph import (
    ONE_HOP,
    STREAM,
    hops_of,
    open_one_hop,
    open_step,
    stream_of,
    values_of,
)

BLOCK_HOPS: Final = 32
"""Hops in one run at most, where the graph takes many: enough to be fast over files."""

Pcm: TypeAlias = NDArray[np.int16]
Answers: TypeAlias = NDArray[np.float32]
"""[frames, values]."""
Probabilities: TypeAlias = Answers
"""[frames, labels]: the answers of a model of words."""
_Binding: TypeAlias = onnxruntime.IOBinding


@final
class StreamGraph:
    """`graphs/stream.onnx` of a bundle, ready for any number of streams; for one hop, `step.onnx`."""

    def __init__(self, card: Card, *, threads: int = 1) -> None:
        """Open the graph; a step is so little work that one thread is the fastest.

        Raises `BundleError` when there is no such graph, its file is not the one that was written,
        or it does not fit the card.
        """
        self.card: Final = card
        self.stream: Final = stream_of(card)
        self.spec: Final = card.graphs[STREAM]
        self.session: Final = open_step(card, threads=threads)
        self.step_hops: Final = hops_of(card, self.session)
        """Hops that every step takes; None where it takes any number."""
        self.values: Final = values_of(card, self.session)
        """Of an answer: one for each label, or those of an embedding."""
        self.one_hop: Final = open_one_hop(card, threads=threads, values=self.values)
        """A faster graph for steps of one hop, where the bundle has it; the states are the same."""

    @property
    def hop_s(self) -> float:
        """Seconds from one answer to the next."""
        return self.stream.hop / self.card.audio.rate_hz

    @property
    def first_s(self) -> float:
        """The time that a stream's first answer speaks of; below 0 where a model looks ahead."""
        return (self.stream.hop - self.stream.delay) / self.card.audio.rate_hz

    def runner(self, hops: int) -> onnxruntime.InferenceSession:
        """What runs steps of so many hops."""
        return self.one_hop if hops == 1 and self.one_hop is not None else self.session

    def failed(self, hops: int, error: Exception) -> BundleError:
        """What to raise where that did not run."""
        ran = ONE_HOP if self.runner(hops) is self.one_hop else STREAM
        return BundleError(f"{self.card.path / self.card.graphs[ran].file}: failed ({error})")

    def open(self) -> Session:
        """Begin a stream, from exactly zero states."""
        return Session(self)

    def step(self, sessions: Sequence[Session], chunks: Sequence[Samples | Pcm]) -> list[Answers]:
        """Push a chunk to each of several streams of any age, together in as few runs as possible.

        Returns what `push` would have returned to each, up to rounding. Raises `SonantError` where a
        stream is named twice or belongs to another graph, and `AudioError` as `push` does; nothing
        has been heard then.
        """
        if len(sessions) != len(chunks) or len({id(session) for session in sessions}) < len(chunks):
            raise SonantError("a step wants one chunk for each of several different sessions")
        if any(session.graph is not self for session in sessions):
            raise SonantError("a step is for sessions that this graph has opened")
        for chunk in chunks:
            _check(chunk)
        answers: list[list[Answers]] = [[] for _ in sessions]
        taken = [0] * len(sessions)
        while True:
            for number, (session, chunk) in enumerate(zip(sessions, chunks, strict=True)):
                taken[number] += session._take(chunk[taken[number] :])
            ready = [number for number, session in enumerate(sessions) if session._ready()]
            if not ready:
                return [
                    session._joined(part) for session, part in zip(sessions, answers, strict=True)
                ]
            # Streams that have more than the others go on in another round.
            hops = min(sessions[number]._ready() for number in ready)
            given = self._together([sessions[number] for number in ready], hops)
            for number, rows in zip(ready, given, strict=True):
                answers[number].append(rows)

    def _together(self, sessions: Sequence[Session], hops: int) -> list[Answers]:
        """Gather states, run once, scatter them back."""
        if len(sessions) == 1:
            return [sessions[0]._run(hops)]
        length = hops * self.stream.hop
        feed = {self.spec.input: np.concatenate([s._inbox[:, :length] for s in sessions])}
        for number, state in enumerate(self.stream.states):
            feed[state.name] = np.concatenate([s._states[s._side][number] for s in sessions])
        names = [self.spec.output, *(state.next for state in self.stream.states)]
        try:
            answer, *after = self.runner(hops).run(names, feed)
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise self.failed(hops, error) from error
        for row, session in enumerate(sessions):
            for kept, new in zip(session._states[session._side], after, strict=True):
                kept[0] = new[row]
            session._spent(hops)
        return [np.ascontiguousarray(answer[row].T) for row in range(len(sessions))]


@final
class Session:
    """One live stream: its states, and the samples that are not yet worth an answer.

    All it needs is allocated when it is opened. States lie in two places and change sides with every
    step, so that none is copied.
    """

    def __init__(self, graph: StreamGraph) -> None:
        """Begin from exactly zero states; `StreamGraph.open` does this."""
        spec, values = graph.stream, graph.values
        self.graph: Final = graph
        self._hop: Final = spec.hop
        self._block: Final = graph.step_hops or BLOCK_HOPS
        self._inbox: Final = np.zeros((1, self._block * spec.hop), np.float32)
        self._outbox: Final = np.zeros(values * self._block, np.float32)
        self._states: Final = [
            [np.zeros((1, *state.shape), np.float32) for state in spec.states] for _ in range(2)
        ]
        self._bindings: Final[dict[int, tuple[_Binding, _Binding, Answers]]] = {}
        self._nothing: Final = np.zeros((0, values), np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget everything: all states are exactly zero, as in a new session."""
        for side in self._states:
            for state in side:
                state.fill(0)
        self._side = 0
        self._filled = 0
        self.answered = 0
        """Answers given."""

    @property
    def warm(self) -> bool:
        """Whether the last answer saw sound only, and none of the silence before the stream began."""
        return self.answered > 0 and self.answered * self._hop >= self.graph.stream.warm_up

    @property
    def seconds(self) -> float:
        """Length of all that was pushed."""
        heard = self.answered * self._hop + self._filled
        return heard / self.graph.card.audio.rate_hz

    @property
    def next_s(self) -> float:
        """The time of the sound that the next answer will speak of; answers are `graph.hop_s` apart."""
        spec = self.graph.stream
        return ((self.answered + 1) * spec.hop - spec.delay) / self.graph.card.audio.rate_hz

    def push(self, samples: Samples | Pcm) -> Answers:
        """Hear any number of further samples [samples], float32 in [-1, 1] or int16.

        Returns answers [frames, values], one row for each hop, often none. Raises `AudioError`
        for other samples, or such as are no numbers; the stream is then as it was before.
        """
        _check(samples)
        answers: list[Answers] = []
        taken = 0
        while True:
            taken += self._take(samples[taken:] if taken else samples)
            ready = self._ready()
            if not ready:
                return self._joined(answers)
            answers.append(self._run(ready))

    def finish(self) -> Answers:
        """The answers that were still to come when the sound ended; silence is heard in its place.

        The session stays as it is then; `reset` begins anew.
        """
        spec = self.graph.stream
        owed = -(-self._filled // spec.hop) + -(-spec.delay // spec.hop)
        if not owed:
            return self._nothing
        # A graph of several hops a step answers more often than was asked.
        steps = -(-owed // (self.graph.step_hops or 1)) * (self.graph.step_hops or 1)
        missing = steps * spec.hop - self._filled
        return self.push(np.zeros(missing, np.float32))[:owed]

    def _take(self, samples: Samples | Pcm) -> int:
        """Put into the inbox what there is room for; returns how much that was."""
        room = self._inbox[0, self._filled :]
        count = min(len(room), len(samples))
        if samples.dtype == np.int16:
            np.multiply(samples[:count], np.float32(1 / PCM16_SCALE), out=room[:count])
        else:
            room[:count] = samples[:count]
        self._filled += count
        return count

    def _ready(self) -> int:
        """Hops that can be run now; powers of two, so that few lengths of step have to be bound."""
        hops = self._filled // self._hop
        if self.graph.step_hops:
            return self.graph.step_hops if hops >= self.graph.step_hops else 0
        return 1 << (hops.bit_length() - 1) if hops else 0

    def _run(self, hops: int) -> Answers:
        """One step over the first `hops` hops of the inbox."""
        bound = self._bindings.get(hops) or self._bound(hops)
        try:
            self.graph.runner(hops).run_with_iobinding(bound[self._side])
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise self.graph.failed(hops, error) from error
        self._side = 1 - self._side
        self._spent(hops)
        # A copy: the next step writes to the same place.
        return bound[2].copy()

    def _spent(self, hops: int) -> None:
        """Move what is left of the inbox to its beginning."""
        spent = hops * self._hop
        left = self._filled - spent
        if left:
            self._inbox[0, :left] = self._inbox[0, spent : self._filled].copy()
        self._filled = left
        self.answered += hops

    def _bound(self, hops: int) -> tuple[_Binding, _Binding, Answers]:
        """For a length of step and either side of the states: where the graph reads and writes."""
        values = self.graph.values
        rows = self._outbox[: values * hops].reshape(values, hops).T
        bound = (self._binding(hops, side=0), self._binding(hops, side=1), rows)
        return self._bindings.setdefault(hops, bound)

    def _binding(self, hops: int, *, side: int) -> _Binding:
        graph = self.graph
        binding = graph.runner(hops).io_binding()
        _bind(binding.bind_input, graph.spec.input, self._inbox, (1, hops * self._hop))
        answer = (1, graph.values, hops)
        _bind(binding.bind_output, graph.spec.output, self._outbox, answer)
        for number, state in enumerate(graph.stream.states):
            shape = (1, *state.shape)
            _bind(binding.bind_input, state.name, self._states[side][number], shape)
            _bind(binding.bind_output, state.next, self._states[1 - side][number], shape)
        return binding

    def _joined(self, answers: list[Answers]) -> Answers:
        if len(answers) == 1:
            return answers[0]
        return np.concatenate(answers) if answers else self._nothing


def _bind(bind: Any, name: str, place: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    """By address: the session keeps the array for as long as it lives."""
    bind(name, "cpu", 0, np.float32, shape, place.ctypes.data)


def _check(samples: Samples | Pcm) -> None:
    """Before anything is heard: what is no number would stay in the states for ever."""
    if samples.ndim != 1 or samples.dtype not in (np.float32, np.int16):
        raise AudioError(
            f"a stream wants samples [samples] as float32 or int16, not {list(samples.shape)} of "
            f"{samples.dtype}; average channels, and turn float64 with astype(numpy.float32)"
        )
    # The energy is no number as soon as one sample is none, and costs less than asking each.
    if samples.dtype == np.float32 and not math.isfinite(np.dot(samples, samples)):
        raise AudioError("the stream holds samples that are not numbers (NaN or infinite)")
