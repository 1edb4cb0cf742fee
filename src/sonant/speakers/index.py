"""Candidates among very many vectors, by FAISS: four bits for every two numbers, compared in registers.

Source: Jégou, Douze, Schmid, Product quantization for nearest neighbor search (2011), section III; André,
Kermarrec, Le Scouarnec, Cache locality is not enough (2015), for comparing codes within registers.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.speakers.vectors import Vectors

LEARNT_FROM: Final = 20_000
"""Vectors, evenly spread, from which the codes are learnt."""
PROPOSED: Final = 40
"""Candidates for each answer that is wanted, since codes are coarse; bench/speaker_store.py has the loss."""
LEAST_PROPOSED: Final = 256
GROWTH: Final = 2
"""An index is made anew when so many times the vectors it began with have been put into it."""


@cache
def has_library() -> bool:
    """Whether FAISS is installed."""
    return find_spec("faiss") is not None


@final
class Index:
    """Codes of vectors, by number; what was replaced or dropped stays until the index is made anew.

    So it proposes numbers twice, or such as are gone: who asks compares with the vectors themselves.
    """

    def __init__(self, keys: NDArray[np.int64], vectors: Vectors) -> None:
        """Learn the codes and keep those of vectors [keys, size]: 15 seconds for a million on one core."""
        faiss: Any = import_module("faiss")
        size = vectors.shape[1]
        codes = size // 2 if size % 2 == 0 else size
        index = faiss.index_factory(size, f"PQ{codes}x4fs", faiss.METRIC_INNER_PRODUCT)
        # The same vectors learn the same codes: FAISS seeds its own draws.
        index.train(np.ascontiguousarray(vectors[:: max(1, len(keys) // LEARNT_FROM)]))
        self._index: Final = index
        self._room: Final = max(1, GROWTH * len(keys))
        self._keys = np.zeros(0, np.int64)
        self.put(keys, vectors)

    def put(self, keys: NDArray[np.int64], vectors: Vectors) -> None:
        """Take in more vectors [keys, size]."""
        self._index.add(np.ascontiguousarray(vectors))
        self._keys = np.concatenate([self._keys, keys])

    @property
    def outgrown(self) -> bool:
        """Whether so many came that the codes no longer fit, or waste room."""
        return len(self._keys) > self._room

    def candidates(self, vector: Vectors, *, top: int) -> NDArray[np.int64]:
        """Numbers of vectors near [size], several for each of `top`, sorted; some may be gone."""
        _, places = self._index.search(vector[None], max(LEAST_PROPOSED, PROPOSED * top))
        found: NDArray[np.int64] = np.unique(self._keys[places[0][places[0] >= 0]])
        return found
