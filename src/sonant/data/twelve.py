"""The task of a few wanted words beside everything else: `_unknown_` speech and `_silence_`."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from sonant.errors import AudioError, ManifestError
from sonant.listing.folders import is_audio
from sonant.listing.names import BACKGROUND
from sonant.manifest import Item, Manifest, key_of

WANTED: Final = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of the published 12-label task."""
UNKNOWN: Final = "_unknown_"
SILENCE: Final = "_silence_"
GAINS: Final = (0.05, 1.0)
"""Range of the random linear factor on background noise."""
TRAIN_WEIGHT: Final = 8
"""Share of every noise file that train hears, against 1 for each other split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """A part of a noise file."""

    path: Path
    start_s: float
    end_s: float


def twelve(
    manifest: Manifest,
    *,
    wanted: Sequence[str] = WANTED,
    noise: Path | None = None,
    silence_percent: float = 10.0,
    unknown_percent: float = 10.0,
    zero_share: float = 0.1,
    duration_s: float = 1.0,
    seed: int = 0,
) -> Manifest:
    """Keep the wanted words, draw `_unknown_` from all other words, and add `_silence_`.

    The percentages are of the wanted clips of each split, rounded up. Silence is what the data has
    under that label already, filled up with pieces of background noise at a random gain, of which a
    `zero_share` are digital zeros. Each split hears its own part of every noise file. `noise` is a
    folder of noises; the data's own `_background_noise_` when not given.

    Raises `ManifestError` when a wanted word is not there, the manifest has no splits, or silence
    is asked for and there is no noise to make it of.
    """
    _check(manifest, wanted, (silence_percent, unknown_percent), zero_share)
    root, kept, notes = manifest.root, set(wanted), []
    chosen: set[int] = set()
    missing: dict[str, int] = {}
    for split in manifest.splits:
        words, other, silent = _sorted_out(manifest, split, kept)
        unknown = _drawn(manifest, other, _count(len(words), unknown_percent), seed, root)
        ready = _drawn(manifest, silent, _count(len(words), silence_percent), seed, root)
        missing[split] = _count(len(words), silence_percent) - len(ready)
        chosen.update(words, unknown, ready)
        notes.append(
            f"{split} {len(words)} wanted, {len(unknown)} unknown, "
            f"{len(ready) + missing[split]} silent"
        )
    items = [_relabelled(manifest.items[number], kept) for number in sorted(chosen)]
    if any(missing.values()):
        files = _noises(manifest, noise)
        items += _silence(files, missing, zero_share=zero_share, duration_s=duration_s, seed=seed)
    origin = "; ".join((manifest.origin, f"{len(kept)} wanted words ({'; '.join(notes)})"))
    return manifest.with_items(items, origin=origin)


def _check(
    manifest: Manifest, wanted: Sequence[str], percents: Sequence[float], zero_share: float
) -> None:
    if not manifest.splits:
        raise ManifestError(f"{manifest.name}: has no splits yet; assign them first")
    absent = [word for word in wanted if word not in manifest.labels]
    if absent or not wanted:
        raise ManifestError(
            f"{manifest.name}: has no clips of {', '.join(absent) or 'any wanted word'}; "
            f"its labels are {', '.join(manifest.labels)}"
        )
    if not all(math.isfinite(percent) and percent >= 0 for percent in percents):
        raise ManifestError("silence_percent, unknown_percent: want 0 or more")
    if not 0.0 <= zero_share < 1.0:
        raise ManifestError(
            f"zero_share: {zero_share:g} is not in [0, 1); silence must never be zeros alone, as a "
            "model would learn that only they are silent"
        )


def _sorted_out(
    manifest: Manifest, split: str, wanted: set[str]
) -> tuple[list[int], list[int], list[int]]:
    """Numbers of the clips of a split: wanted words, other words, silence."""
    words: list[int] = []
    other: list[int] = []
    silent: list[int] = []
    for number, item in enumerate(manifest):
        if item.split == split and item.label:
            side = silent if item.label == SILENCE else other
            (words if item.label in wanted else side).append(number)
    return words, other, silent


def _count(wanted: int, percent: float) -> int:
    """So many clips; rounded before it is rounded up, as 0.1 has no exact binary form."""
    return math.ceil(round(wanted * percent / 100.0, 9))


def _drawn(
    manifest: Manifest, numbers: Sequence[int], count: int, seed: int, root: Path
) -> list[int]:
    """`count` of these clips, or all if there are fewer, whatever order they come in."""

    def rank(number: int) -> bytes:
        return _hash(f"{seed}|{key_of(manifest.items[number], root)}")

    return sorted(numbers, key=rank)[:count]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _relabelled(item: Item, wanted: set[str]) -> Item:
    return item if item.label in wanted or item.label == SILENCE else replace(item, label=UNKNOWN)


def _noises(manifest: Manifest, noise: Path | None) -> list[_Stretch]:
    """Every file of the noise folder, whole."""
    near = sorted({item.path.parent.parent / BACKGROUND for item in manifest})
    folder = noise or next((place for place in near if place.is_dir()), None)
    walk = os.walk(folder) if folder is not None else ()
    paths = sorted(Path(place) / name for place, _, names in walk for name in names)
    files = [_whole(path) for path in paths if is_audio(path.name)]
    if not files:
        where = folder or near[0]
        raise ManifestError(
            f"{manifest.name}: {SILENCE} is made of background noise, and there is none in "
            f"{where}; name a folder of noises with data.words.noise=FOLDER, or go without with "
            "data.words.silence_percent=0"
        )
    return files


def _whole(path: Path) -> _Stretch:
    try:
        duration_s = soundfile.info(str(path)).duration
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error})") from error
    return _Stretch(path=path, start_s=0.0, end_s=float(duration_s))


def _silence(
    files: Sequence[_Stretch],
    missing: dict[str, int],
    *,
    zero_share: float,
    duration_s: float,
    seed: int,
) -> list[Item]:
    """Pieces of noise for each split, the first of them as zeros."""
    weights = {split: TRAIN_WEIGHT if split == "train" else 1 for split in missing}
    items: list[Item] = []
    for split, count in missing.items():
        stretches = _long_enough(_part(files, split, weights), files, duration_s)
        draws = np.random.default_rng(list(_hash(f"{seed}|silence|{split}")))
        zeros = int(zero_share * count + 1e-9)
        for number in range(count):
            stretch = stretches[int(draws.integers(len(stretches)))]
            start_s = _start(stretch, duration_s, draws)
            gain = draws.uniform(*GAINS)
            items.append(
                Item(
                    path=stretch.path,
                    label=SILENCE,
                    split=split,
                    start_s=start_s,
                    end_s=round(start_s + duration_s, 6),
                    gain=0.0 if number < zeros else round(gain, 4),
                )
            )
    return items


def _start(stretch: _Stretch, duration_s: float, draws: np.random.Generator) -> float:
    """Where a piece of a stretch starts, in whole milliseconds."""
    first = math.ceil(stretch.start_s * 1000)
    last = math.floor((stretch.end_s - duration_s) * 1000)
    return int(draws.integers(first, max(first, last) + 1)) / 1000


def _part(files: Sequence[_Stretch], split: str, weights: dict[str, int]) -> list[_Stretch]:
    """The stretch of every file that belongs to a split: no two splits hear the same noise."""
    order = list(weights)
    before = sum(weights[name] for name in order[: order.index(split)])
    low, high = before / sum(weights.values()), (before + weights[split]) / sum(weights.values())
    return [replace(file, start_s=low * file.end_s, end_s=high * file.end_s) for file in files]


def _long_enough(
    part: Sequence[_Stretch], files: Sequence[_Stretch], duration_s: float
) -> list[_Stretch]:
    """The stretches that hold a clip; the whole files where all parts are too short."""
    for stretches in (part, files):
        fitting = [one for one in stretches if one.end_s - one.start_s >= duration_s]
        if fitting:
            return fitting
    raise ManifestError(
        f"{files[0].path.parent}: no noise is as long as a clip, {duration_s:g} s; give longer ones"
    )
