"""Many live streams of one step graph, their states side by side, so that few runs step them all.

    arena = Arena(graph, limit=1000)
    row = arena.open()                         one stream, from exactly zero states
    arena.step(rows, [samples])                [streams, frames, values], for streams of any age
    arena.close(row)

The streams stand in the first rows of every array: whoever leaves is replaced by the last. States
lie on two sides. Where all streams take part in a step, the graph reads one side, writes the other,
and nothing is copied; where the first rows do, the fewer of the others and them are copied; else
those that take part are gathered first and put back afterwards. A step of few hops goes hop by hop
where the bundle has a graph for that. An arena is for one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Final, TypeAlias, final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant.audio import PCM16_SCALE, Samples
from sonant.errors import SonantError
from sonant.runtime.hop_by_hop import FEWEST_ROWS, HopByHop, bound
from sonant.runtime.session import Answers, Pcm, StreamGraph

STEP_S: Final = 0.02
"""Length of a step, where the graph leaves the choice: a hop may be shorter, and a run costs the same."""
GROWTH: Final = 64
"""Rows by which an arena grows and shrinks."""
RUN_ROWS: Final = 128
"""Rows of one run: with more, what a layer leaves for the next no longer stays in the cache."""
KEPT_BINDINGS: Final = 128
_GATHERED: Final = 2
"""The side on which streams from everywhere are brought together."""

_Floats: TypeAlias = NDArray[np.float32]


@final
class Row:
    """One stream's place in an arena."""

    __slots__ = ("arena", "index")

    def __init__(self, arena: Arena, index: int) -> None:
        """Made by `Arena.open`."""
        self.arena: Arena | None = arena
        """None once it is closed."""
        self.index = index
        """Where it stands now."""


@final
class Arena:
    """Room for up to `limit` streams of one graph; memory follows the number that is open."""

    def __init__(self, graph: StreamGraph, *, limit: int, hops: int | None = None) -> None:
        """`hops` in every step; without them what the graph wants, or about `STEP_S`."""
        if graph.step_hops and hops not in (None, graph.step_hops):
            raise SonantError(f"the graph takes {graph.step_hops} hops a step, not {hops}")
        self.graph: Final = graph
        self.limit: Final = limit
        self.hops: Final = graph.step_hops or hops or max(1, round(STEP_S / graph.hop_s))
        """Hops in a step."""
        self.step_samples: Final = self.hops * graph.stream.hop
        self._values: Final = graph.values
        self._shapes: Final = [state.shape for state in graph.stream.states]
        self._rows: list[Row] = []
        self._states: list[list[_Floats]] = []
        self._side = 0
        self._bindings: dict[tuple[int, int, int, int], list[onnxruntime.IOBinding]] = {}
        self._short: Final = HopByHop.of(graph, hops=self.hops, rows=min(RUN_ROWS, limit))
        self.capacity = 0
        """Rows that there is room for now."""
        self._resize(min(GROWTH, limit))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def bytes_per_stream(self) -> int:
        """What a stream takes: its states on three sides, a step of samples, and the answers to it."""
        numbers = 3 * sum(prod(shape) for shape in self._shapes)
        return 4 * (numbers + self.step_samples + self._values * self.hops)

    def open(self) -> Row:
        """Begin a stream; raises `SonantError` where there are `limit` already."""
        index = len(self._rows)
        if index == self.limit:
            raise SonantError(f"the arena has room for {self.limit} streams, and all are taken")
        if index == self.capacity:
            self._resize(min(self.capacity + GROWTH, self.limit))
        for state in self._states[self._side]:
            state[index] = 0
        row = Row(self, index)
        self._rows.append(row)
        return row

    def close(self, row: Row) -> None:
        """End a stream; the last one takes its place. Closing twice does nothing."""
        if row.arena is not self:
            return
        row.arena = None
        last = self._rows.pop()
        if last is not row:
            for state in self._states[self._side]:
                state[row.index] = state[last.index]
            last.index = row.index
            self._rows[last.index] = last
        # One step of room is left over, so that coming and going at the edge moves nothing.
        wanted = min(self.limit, (len(self._rows) // GROWTH + 2) * GROWTH)
        if wanted < self.capacity:
            self._resize(wanted)

    def step(self, rows: Sequence[Row], samples: Sequence[Samples | Pcm]) -> Answers:
        """The next step of several different streams, `RUN_ROWS` of them in one run.

        `samples` are blocks [streams, step_samples] of float32 in [-1, 1] or int16, together one line
        for each of `rows`, in their order; nobody looks whether they are numbers. Returns [streams,
        hops, values]. Raises `BundleError` where the graph fails, and `SonantError` for other rows or
        samples; nothing has been heard then.
        """
        count = len(rows)
        self._check(rows, samples)
        if not count:
            return np.zeros((0, self.hops, self._values), np.float32)
        places = np.fromiter((row.index for row in rows), np.intp, count)
        are_first = int(places.max()) == count - 1
        if are_first:
            self._hear(samples, places)
            self._run(count, self._side)
            self._turn(count)
            answers = self._outbox[places]
        else:
            self._hear(samples, None)
            for gathered, state in zip(
                self._states[_GATHERED], self._states[self._side], strict=True
            ):
                # The mode spares numpy a copy of its own; all places are known to be there.
                np.take(state, places, axis=0, out=gathered[:count], mode="clip")
            self._run(count, _GATHERED)
            for state, after in zip(
                self._states[self._side], self._states[1 - self._side], strict=True
            ):
                state[places] = after[:count]
            answers = self._outbox[:count].copy()
        return answers.transpose(0, 2, 1)

    def _check(self, rows: Sequence[Row], samples: Sequence[Samples | Pcm]) -> None:
        if any(row.arena is not self for row in rows) or len(set(rows)) < len(rows):
            raise SonantError("a step is for different streams that this arena has opened")
        lines = sum(len(block) for block in samples)
        if lines != len(rows) or any(
            block.ndim != 2
            or block.shape[1] != self.step_samples
            or block.dtype not in (np.float32, np.int16)
            for block in samples
        ):
            raise SonantError(
                f"a step of {len(rows)} streams wants [{len(rows)}, {self.step_samples}] samples "
                f"as float32 or int16, not {[(block.shape, str(block.dtype)) for block in samples]}"
            )

    def _hear(self, samples: Sequence[Samples | Pcm], places: NDArray[np.intp] | None) -> None:
        """Bring samples to their places in the inbox; without places, one line after the other."""
        start = 0
        for block in samples:
            stop = start + len(block)
            where = slice(start, stop) if places is None else places[start:stop]
            if block.dtype == np.int16:
                block = np.multiply(block, np.float32(1 / PCM16_SCALE), dtype=np.float32)
            self._inbox[where] = block
            start = stop

    def _turn(self, count: int) -> None:
        """After the first `count` rows went on to the other side: bring all to one side again."""
        before, after = self._states[self._side], self._states[1 - self._side]
        left = len(self._rows) - count
        if left <= count:
            for old, new in zip(before, after, strict=True):
                new[count : count + left] = old[count : count + left]
            self._side = 1 - self._side
        else:
            for old, new in zip(before, after, strict=True):
                old[:count] = new[:count]

    def _run(self, count: int, source: int) -> None:
        """Read states from the side `source`; write them to the one that is not in use."""
        target = 1 - self._side
        for start in range(0, count, RUN_ROWS):
            stop = min(start + RUN_ROWS, count)
            bindings = self._bound(start, stop, source, target)
            # Several bindings are one for each hop.
            hops = 1 if len(bindings) > 1 else self.hops
            try:
                if self._short is not None and len(bindings) > 1:
                    self._short.run(bindings, self._inbox[start:stop], self._outbox[start:stop])
                else:
                    self.graph.runner(hops).run_with_iobinding(bindings[0])
            except Exception as error:  # onnxruntime's errors share no narrower class
                raise self.graph.failed(hops, error) from error

    def _bound(
        self, start: int, stop: int, source: int, target: int
    ) -> list[onnxruntime.IOBinding]:
        """Where the graph reads and writes these rows; hop by hop where that is faster."""
        key = (start, stop, source, target)
        bindings = self._bindings.get(key)
        if bindings is None:
            if len(self._bindings) >= KEPT_BINDINGS:
                self._bindings.clear()
            before = [state[start:stop] for state in self._states[source]]
            after = [state[start:stop] for state in self._states[target]]
            if self._short is not None and stop - start >= FEWEST_ROWS:
                bindings = self._short.bound(stop - start, before=before, after=after)
            else:
                places = self._inbox[start:stop], self._outbox[start:stop]
                runner = self.graph.runner(self.hops)
                bindings = [bound(self.graph, runner, *places, before=before, after=after)]
            self._bindings[key] = bindings
        return bindings

    def _resize(self, capacity: int) -> None:
        """Move all streams to arrays of `capacity` rows."""
        count = len(self._rows)
        states = [
            [np.zeros((capacity, *shape), np.float32) for shape in self._shapes] for _ in range(3)
        ]
        if count:
            for old, new in zip(self._states[self._side], states[0], strict=True):
                new[:count] = old[:count]
        self._states = states
        self._side = 0
        self._inbox: _Floats = np.zeros((capacity, self.step_samples), np.float32)
        self._outbox: _Floats = np.zeros((capacity, self._values, self.hops), np.float32)
        self._bindings.clear()
        self.capacity = capacity
