"""A step of a few hops through the graph for one hop: for many streams at once that is the faster way.

Between one hop and the next, states lie in two places of their own, in turns; the first hop reads
them, and the last writes them, where the caller keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant.runtime.session import StreamGraph

MOST_HOPS: Final = 4
"""Above, one run of the graph for any length is faster."""
FEWEST_ROWS: Final = 16
"""Below, what a run costs whatever it does counts for more."""

_Floats: TypeAlias = NDArray[np.float32]


@final
class HopByHop:
    """Room for steps of `hops` hops of up to `rows` streams."""

    def __init__(
        self, graph: StreamGraph, session: onnxruntime.InferenceSession, *, hops: int, rows: int
    ) -> None:
        """`session` runs one hop of `graph`."""
        shapes = [state.shape for state in graph.stream.states]
        self._graph: Final = graph
        self._session: Final = session
        self._heard: Final = np.zeros((hops, rows, graph.stream.hop), np.float32)
        self._said: Final = np.zeros((hops, rows, graph.values, 1), np.float32)
        self._between: Final = [
            [np.zeros((rows, *shape), np.float32) for shape in shapes] for _ in range(2)
        ]

    @classmethod
    def of(cls, graph: StreamGraph, *, hops: int, rows: int) -> HopByHop | None:
        """None where it is of no use."""
        if graph.one_hop is None or not 1 < hops <= MOST_HOPS:
            return None
        return cls(graph, graph.one_hop, hops=hops, rows=rows)

    def bound(
        self, count: int, *, before: Sequence[_Floats], after: Sequence[_Floats]
    ) -> list[onnxruntime.IOBinding]:
        """Where each hop of `count` streams reads and writes, their states from `before` to `after`."""
        last = len(self._heard) - 1
        bindings = []
        for hop in range(last + 1):
            read = before if hop == 0 else [state[:count] for state in self._between[hop % 2]]
            write = (
                after if hop == last else [state[:count] for state in self._between[1 - hop % 2]]
            )
            samples, answers = self._heard[hop, :count], self._said[hop, :count]
            bindings.append(
                bound(self._graph, self._session, samples, answers, before=read, after=write)
            )
        return bindings

    def run(
        self, bindings: Sequence[onnxruntime.IOBinding], inbox: _Floats, outbox: _Floats
    ) -> None:
        """Samples [rows, hops * hop] -> answers [rows, values, hops]."""
        count = len(inbox)
        for hop, samples in enumerate(np.split(inbox, len(self._heard), axis=1)):
            self._heard[hop, :count] = samples
        for binding in bindings:
            self._session.run_with_iobinding(binding)
        for hop in range(len(self._heard)):
            outbox[:, :, hop] = self._said[hop, :count, :, 0]


def bound(
    graph: StreamGraph,
    session: onnxruntime.InferenceSession,
    *places: _Floats,
    before: Sequence[_Floats],
    after: Sequence[_Floats],
) -> onnxruntime.IOBinding:
    """Bind a run by address to samples and answers, and to states; the caller keeps the arrays."""
    binding = session.io_binding()
    samples, answers = places
    _bind(binding.bind_input, graph.spec.input, samples)
    _bind(binding.bind_output, graph.spec.output, answers)
    for state, old, new in zip(graph.stream.states, before, after, strict=True):
        _bind(binding.bind_input, state.name, old)
        _bind(binding.bind_output, state.next, new)
    return binding


def _bind(bind: Any, name: str, place: _Floats) -> None:
    bind(name, "cpu", 0, np.float32, place.shape, place.ctypes.data)
