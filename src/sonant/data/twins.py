"""The same recording in two places: to the sample, or through another codec, rate or volume.

Exact copies share the digest of their decoded samples. For the rest a sketch of 128 numbers
proposes pairs, and only the waveforms themselves, held against each other at every shift, confirm.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.data.probe import BLOCK_S, Probe
from sonant.errors import AudioError
from sonant.manifest import Item

LIKENESS = 0.985
"""Cosine of two sketches from which a pair is worth a closer look: among 19,442 real clips 515
pairs reach it, and of lossy copies (Vorbis, Opus, MP3) 99 % do."""
SAME_WAVEFORM = 0.9
"""Correlation from which two clips are one recording: of those pairs seven lay above 0.99 and the
next one at 0.70, while 95 % of lossy copies lie above 0.98."""
LENGTH_SHARE = 0.05
"""Copies may differ in length by this share: encoders add a little."""
MAX_COMPARED = 5000
"""Waveforms compared at most, the most alike first, so that a set of beeps does not take hours."""
BLOCK_ROWS = 256
"""Sketches compared with all their neighbours at a time: 100 MB for 100,000 clips."""

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Clips with one and the same audio."""

    members: tuple[int, ...]
    """Positions in the manifest, ascending; two or more."""
    exact: bool
    """Equal to the sample."""


def find_twins(
    items: Sequence[Item],
    probes: Sequence[Probe],
    *,
    run: Callable[[Callable[[Pair], bool], Sequence[Pair]], Iterable[bool]] = map,
) -> list[Twins]:
    """Group the clips that hold the same audio; `run` is `map` or the `map` of a pool of threads.

    Clips that are silent to the last bit are left out: they are all the same.
    """
    same: dict[bytes, list[int]] = defaultdict(list)
    for position, probe in enumerate(probes):
        if not probe.fault and probe.peak > 0:
            same[probe.digest].append(position)
    firsts = [group[0] for group in same.values() if probes[group[0]].sketch is not None]
    pairs = _alike(firsts, probes)
    verdicts = run(lambda pair: _one_recording(items[pair[0]], items[pair[1]]), pairs)
    joined = _join(pair for pair, same_sound in zip(pairs, verdicts, strict=True) if same_sound)
    groups: dict[int, list[list[int]]] = defaultdict(list)
    for group in same.values():
        groups[joined.get(group[0], group[0])].append(group)
    twins = (
        Twins(members=tuple(sorted(itertools.chain(*parts))), exact=len(parts) == 1)
        for parts in groups.values()
    )
    return sorted((t for t in twins if len(t.members) > 1), key=lambda t: t.members)


def _alike(positions: Sequence[int], probes: Sequence[Probe]) -> list[Pair]:
    """Pairs with like sketches and lengths, the most alike first.

    Rows are sorted along the direction in which the sketches differ most. Two vectors lie no
    further apart along any direction than altogether, so only rows near in the order are compared.
    """
    if len(positions) < 2:
        return []
    sketches = np.stack([_sketch(probes[position]) for position in positions])
    along = sketches @ np.linalg.eigh(sketches.T @ sketches)[1][:, -1]
    order = np.argsort(along, kind="stable")
    sketches, along = sketches[order], along[order]
    reach = np.searchsorted(along, along + np.sqrt(2 - 2 * LIKENESS) + 1e-6, side="right")
    lengths_s = np.array([probes[position].duration_s for position in positions])[order]
    places = np.array(positions)[order]
    found: list[tuple[float, Pair]] = []
    for first in range(0, len(order), BLOCK_ROWS):
        block = slice(first, min(first + BLOCK_ROWS, len(order)))
        window = slice(first, reach[block.stop - 1])
        likeness = sketches[block] @ sketches[window].T
        rows, columns = np.nonzero(likeness >= LIKENESS)
        gaps = np.abs(lengths_s[block][rows] - lengths_s[window][columns])
        fit = (rows < columns) & (gaps <= LENGTH_SHARE * lengths_s[window][columns])
        rows, columns = rows[fit], columns[fit]
        scores = likeness[rows, columns]
        best = np.argsort(-scores, kind="stable")[:MAX_COMPARED]
        found += zip(
            (-scores[best]).tolist(),
            map(_pair, places[block][rows[best]].tolist(), places[window][columns[best]].tolist()),
            strict=True,
        )
    return [pair for _, pair in sorted(found)[:MAX_COMPARED]]


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


def _sketch(probe: Probe) -> NDArray[np.float32]:
    assert probe.sketch is not None
    return probe.sketch


def _one_recording(one: Item, other: Item) -> bool:
    """Hold two waveforms against each other at every shift, at the lower of their rates."""
    try:
        clips = [_beginning(one), _beginning(other)]
    except AudioError:  # a file that changed under our eyes: another run will say so
        return False
    rate_hz = min(clip.rate_hz for clip in clips)
    left, right = (audio.resample(clip, rate_hz).samples.astype(np.float64) for clip in clips)
    size = 1 << (len(left) + len(right) - 1).bit_length()
    product = np.fft.rfft(left, size) * np.conj(np.fft.rfft(right, size))
    power = np.sqrt((left @ left) * (right @ right))
    return bool(np.abs(np.fft.irfft(product, size)).max() >= SAME_WAVEFORM * power > 0)


def _beginning(item: Item) -> audio.Clip:
    """The part of a clip that its sketch was made of."""
    start_s = item.start_s or 0.0
    end_s = start_s + BLOCK_S if item.end_s is None else min(item.end_s, start_s + BLOCK_S)
    return audio.read(item.path, start_s=item.start_s, end_s=end_s)


def _join(pairs: Iterable[Pair]) -> dict[int, int]:
    """The smallest position of the group that each position in a pair belongs to."""
    root: dict[int, int] = {}
    for pair in pairs:
        heads = {root.setdefault(position, position) for position in pair}
        target = min(heads)
        root.update({position: target for position, head in root.items() if head in heads})
    return root
