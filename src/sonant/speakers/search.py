"""Who is nearest: one matrix product up to 100,000 speakers, an index library beyond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.speakers.index import Index, has_library
from sonant.speakers.vectors import Vectors

EXACT_UP_TO: Final = 100_000
"""Speakers up to which every one is compared."""
FIRST_ROWS: Final = 64
ROUNDING: Final = 1e-5
"""What a product of unit vectors in float32 may be off by, and more."""


@final
class Search:
    """Unit vectors by number, in memory, nearest first."""

    def __init__(self, size: int, *, exact_up_to: int = EXACT_UP_TO) -> None:
        """`size` numbers a vector; past `exact_up_to` rows the index library is used where installed.

        Without the library every row is still compared: slower, never wrong.
        """
        self._matrix = np.zeros((FIRST_ROWS, size), np.float32)
        self._keys = np.zeros(FIRST_ROWS, np.int64)
        self._rows: Final[dict[int, int]] = {}
        self._exact_up_to: Final = exact_up_to
        self._index: Index | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, keys: Sequence[int], vectors: Vectors) -> None:
        """Keep unit vectors [keys, size] under their numbers, instead of those that are there."""
        self._grow(len(self._rows) + len(keys))
        for key in keys:
            self._rows.setdefault(key, len(self._rows))
        rows = np.fromiter((self._rows[key] for key in keys), np.int64, len(keys))
        self._matrix[rows] = vectors
        self._keys[rows] = keys
        if self._index is not None:
            self._index.put(self._keys[rows], vectors)

    def remove(self, key: int) -> None:
        """Drop a number; one that is not there is no error."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        # The last row moves into the gap.
        last = len(self._rows)
        if row != last:
            moved = int(self._keys[last])
            self._matrix[row], self._keys[row] = self._matrix[last], moved
            self._rows[moved] = row
        self._matrix[last] = 0.0

    def nearest(self, vector: Vectors, *, top: int) -> list[tuple[int, float]]:
        """(number, cosine) of the `top` nearest to a unit vector [size], nearest first, then by number."""
        count = len(self._rows)
        if not count or top < 1:
            return []
        rows = self._candidates(vector, top=top) if self._wants_index() else np.arange(count)
        whole = len(rows) == count
        # An index proposes; what is answered is always compared with the vectors themselves.
        cosines = (self._matrix[:count] if whole else self._matrix[rows]) @ vector
        best = np.arange(len(rows))
        if top < len(rows):
            # All that may tie with the last place are kept: a matrix product rounds each row in its own way.
            least = np.partition(cosines, len(rows) - top)[len(rows) - top]
            best = np.flatnonzero(cosines >= least - ROUNDING)
        # Equal rows have equal sums here, and so the order is the same every time.
        exact = (self._matrix[rows[best]].astype(np.float64) * vector).sum(axis=1)
        keys = self._keys[rows[best]]
        order = np.lexsort((keys, -exact))[:top]
        return [(int(keys[place]), float(exact[place])) for place in order]

    def _wants_index(self) -> bool:
        return len(self._rows) > self._exact_up_to and has_library()

    def _candidates(self, vector: Vectors, *, top: int) -> NDArray[np.int64]:
        """Rows that may be among the `top`."""
        if self._index is None or self._index.outgrown:
            count = len(self._rows)
            self._index = Index(self._keys[:count], self._matrix[:count])
        keys = self._index.candidates(vector, top=top).tolist()
        return np.array([self._rows[key] for key in keys if key in self._rows], np.int64)

    def _grow(self, count: int) -> None:
        if count > len(self._keys):
            room = max(count, 2 * len(self._keys))
            matrix = np.zeros((room, self._matrix.shape[1]), np.float32)
            keys = np.zeros(room, np.int64)
            used = len(self._rows)
            matrix[:used], keys[:used] = self._matrix[:used], self._keys[:used]
            self._matrix, self._keys = matrix, keys
