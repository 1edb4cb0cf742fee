"""Random numbers that depend on the item, never on the batch, the worker or the machine.

A number is a hash of (seed, epoch, item, name, slot): a counter-based generator, so nothing has to
be drawn in order and any item can be drawn alone. Each item walks its own splitmix64 sequence.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_TO_UNIT = 2.0**-53


class Draws:
    """Random numbers for some items of one epoch; one name is one quantity.

    `items` is [items], the numbers that items have in their split. Every method returns
    [items, size], and for the same name the same values, however often and in whatever order it is
    asked. The mixing is splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
    number generators").
    """

    def __init__(self, seed: int, epoch: int, items: NDArray[np.int64]) -> None:
        self._items = np.asarray(items, np.int64).astype(np.uint64)
        self._key = _absorb(_absorb(_word(0), _word(seed)), _word(epoch))

    def __len__(self) -> int:
        return len(self._items)

    def uniform(
        self, name: str, low: float = 0.0, high: float = 1.0, *, size: int = 1
    ) -> NDArray[np.float64]:
        """Uniform in [low, high)."""
        return low + (high - low) * self._unit(name, size)

    def normal(
        self, name: str, mean: float = 0.0, deviation: float = 1.0, *, size: int = 1
    ) -> NDArray[np.float64]:
        """Normal, by Box and Muller from two uniform numbers each."""
        pairs = self._unit(name, 2 * size)
        radius = np.sqrt(-2.0 * np.log1p(-pairs[:, 0::2]))
        return mean + deviation * radius * np.cos(2.0 * np.pi * pairs[:, 1::2])

    def integers(
        self, name: str, low: ArrayLike, high: ArrayLike, *, size: int = 1
    ) -> NDArray[np.int64]:
        """Whole numbers in [low, high); limits given as arrays broadcast against [items, size]."""
        first, last = np.asarray(low, np.int64), np.asarray(high, np.int64)
        return first + np.floor(self._unit(name, size) * (last - first)).astype(np.int64)

    def chance(self, name: str, p: float, *, size: int = 1) -> NDArray[np.bool_]:
        """True with probability `p`: never at 0, always at 1."""
        return self._unit(name, size) < p

    def beta(self, name: str, a: float, b: float, *, size: int = 1) -> NDArray[np.float64]:
        """Beta(a, b) in [0, 1], as the share of one gamma variate in the sum of two."""
        first = self._log_gamma(f"{name}/a", a, size)
        second = self._log_gamma(f"{name}/b", b, size)
        return 0.5 * (1.0 + np.tanh(0.5 * (first - second)))

    def _log_gamma(self, name: str, shape: float, size: int) -> NDArray[np.float64]:
        """Logarithms of Gamma(shape, 1) variates.

        Logarithms, because at small shapes the variates themselves underflow. Each takes its own
        first accepted proposal, so its value does not depend on how long others had to wait.
        Source: Marsaglia and Tsang 2000, "A simple method for generating gamma variables".
        """
        d = shape + 1.0 - 1.0 / 3.0
        values = np.full((len(self), size), np.nan)
        attempt = 0
        while (waiting := np.isnan(values)).any():
            x = self.normal(f"{name}/{attempt}/proposal", size=size)
            cube = np.maximum(1.0 + x / np.sqrt(9.0 * d), 0.0) ** 3
            log_cube = np.log(np.maximum(cube, np.finfo(np.float64).tiny))
            limit = 0.5 * x**2 + d * (1.0 - cube + log_cube)
            accepted = np.log1p(-self._unit(f"{name}/{attempt}/accept", size)) < limit
            values = np.where(waiting & accepted & (cube > 0), np.log(d) + log_cube, values)
            attempt += 1
        return values + np.log1p(-self._unit(f"{name}/boost", size)) / shape

    def _unit(self, name: str, size: int) -> NDArray[np.float64]:
        """Uniform in [0, 1) with 53 random bits, [items, size]."""
        stream = _absorb(_absorb(self._key, _name_word(name)), self._items)
        bits = _absorb(stream[:, None], np.arange(1, size + 1, dtype=np.uint64))
        return (bits >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def _word(value: int) -> NDArray[np.uint64]:
    """Any whole number as one 64-bit word, [1]: numpy lets arrays wrap silently, scalars not."""
    return np.array([value & _MASK], np.uint64)


def _name_word(name: str) -> NDArray[np.uint64]:
    """A hash of a name that is the same in every process, unlike Python's own."""
    return _word(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def _absorb(state: NDArray[np.uint64], word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The `word`-th number of the splitmix64 sequence that starts at `state`; the two broadcast."""
    z: NDArray[np.uint64] = state + word * np.uint64(_GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
