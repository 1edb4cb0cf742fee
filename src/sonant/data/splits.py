"""Who is trained on, who is validated on, who is tested on.

Every rule depends on names and a seed alone, never on the order of the clips, and keeps a speaker
on one side wherever speakers are known.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sonant.errors import ManifestError
from sonant.listing.names import HASH_MARK
from sonant.manifest import CANONICAL, Item, Manifest, key_of

Split = Literal["auto", "given", "official", "speaker", "stratified", "halved"]
Shares = Mapping[str, float]
HASH_RANGE: Final = 2**27
"""What the published rule of Speech Commands takes the hash modulo."""


@dataclass(slots=True, kw_only=True)
class _Unit:
    """Clips that must stay together: those of a speaker, or one clip whose speaker is unknown."""

    key: str
    numbers: list[int] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)

    def rank(self, seed: int) -> bytes:
        """A place in a random order that is the same on every machine."""
        return hashlib.sha256(f"{seed}|{self.key}".encode("utf-8", "surrogatepass")).digest()


def assign(
    manifest: Manifest,
    *,
    how: Split = "auto",
    shares: Sequence[float] = (80.0, 10.0, 10.0),
    seed: int = 0,
) -> Manifest:
    """Give every clip its split, and say in `origin` how.

    `given` keeps the splits of the data and cuts a validation part from train where there is none.
    `official` is the hash rule of Speech Commands (Warden, arXiv:1804.03209, section 7.3).
    `speaker` shares out whole speakers. `stratified` keeps the shares in every label, with whole
    speakers where they are known. `halved` holds out a random part and deals it alternately to test
    and validation. `auto` takes the first of these that fits: given, official, stratified.

    `shares` are for train, validation and test, or, if two, for train and validation (`halved`:
    train and what is held out). Raises `ManifestError` when there is nothing to train on.
    """
    if not manifest.items:
        raise ManifestError(f"{manifest.name}: holds no clips to split")
    parts = _shares(shares)
    rule = _fitting(manifest) if how == "auto" else how
    if rule == "kept":
        return manifest
    if rule == "given":
        return _given(manifest, parts, seed)
    if rule == "official":
        return _official(manifest, parts)
    if rule == "halved":
        return _halved(manifest, parts, seed)
    if rule == "speaker" and not any(item.speaker for item in manifest):
        raise ManifestError(
            f"{manifest.name}: no clip names its speaker; say where with --speaker-column NAME, or "
            "split with data.split=stratified"
        )
    return _by_shares(manifest, parts, seed, by_label=rule == "stratified")


def speaker_leaks(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Speakers that stand in more than one split, and in which."""
    sides: dict[str, set[str]] = {}
    for item in manifest:
        if item.speaker and item.split:
            sides.setdefault(item.speaker, set()).add(item.split)
    order = manifest.splits
    return {
        speaker: tuple(split for split in order if split in sides[speaker])
        for speaker in sorted(sides)
        if len(sides[speaker]) > 1
    }


def official_split(name: str, *, validation: float, test: float) -> str:
    """The split of a name by the published rule; `validation` and `test` are shares in [0, 1].

    The rule hashes what identifies the speaker, so that a speaker's clips stay together, and
    reads the hash as a percentage.
    """
    hashed = int(hashlib.sha1(name.encode("utf-8", "surrogatepass")).hexdigest(), 16)
    percent = hashed % HASH_RANGE * (100.0 / (HASH_RANGE - 1))
    if percent < 100.0 * validation:
        return "validation"
    return "test" if percent < 100.0 * (validation + test) else "train"


def _shares(shares: Sequence[float]) -> Shares:
    """Shares that sum to 1, by split, without those that get nothing."""
    wrong = len(shares) not in (2, 3) or not all(math.isfinite(s) and s >= 0 for s in shares)
    if wrong or shares[0] <= 0:
        raise ManifestError(
            f"shares: {', '.join(f'{share:g}' for share in shares)} cannot be used; want numbers "
            "for train, validation and test, as in 80,10,10, with train above 0"
        )
    # Rounded so that a tenth of a hundred is exactly the 10 per cent of the official rule.
    whole = sum(shares)
    named = zip(CANONICAL, shares, strict=False)
    return {name: round(share / whole, 12) for name, share in named if share > 0}


def _fitting(manifest: Manifest) -> Split | Literal["kept"]:
    names = set(manifest.splits)
    held_out = names & {"validation", "test"}
    if "train" in names and held_out:
        return "given"
    if held_out and names == held_out and all(item.split for item in manifest):
        return "kept"  # declared as held out: never silently trained on
    if any(HASH_MARK in item.path.name for item in manifest):
        return "official"
    return "stratified"


def _given(manifest: Manifest, parts: Shares, seed: int) -> Manifest:
    if "train" not in manifest.splits:
        raise ManifestError(
            f"{manifest.name}: has no split 'train'; its splits are "
            f"{', '.join(manifest.splits) or 'none'}. Let sonant split with data.split=stratified"
        )
    origin, sides = [manifest.origin or "given"], [item.split for item in manifest]
    if "validation" not in manifest.splits and "validation" in parts:
        numbers = [number for number, split in enumerate(sides) if split == "train"]
        units = _units(manifest, numbers)
        two = {name: parts[name] / (parts["train"] + parts["validation"]) for name in CANONICAL[:2]}
        _place(units, _spread(units, two, seed, by_label=True), sides)
        whom = " by speaker" if any(manifest.items[number].speaker for number in numbers) else ""
        origin.append(f"validation cut from train{whom}, seed {seed}")
    unused = sides.count("")
    origin += [f"{unused} clips without a split are not used"] if unused else []
    leaks = len(speaker_leaks(_with(manifest, sides, origin)))
    origin += [f"{leaks} speakers stand in more than one split"] if leaks else []
    return _with(manifest, sides, origin)


def _official(manifest: Manifest, parts: Shares) -> Manifest:
    if not any(HASH_MARK in item.path.name for item in manifest):
        raise ManifestError(
            f"{manifest.name}: the official rule needs names such as 0a2b400e_nohash_0.wav, and "
            "there are none; split with data.split=stratified"
        )
    held = {"validation": parts.get("validation", 0.0), "test": parts.get("test", 0.0)}
    sides = [official_split(_hashed_part(item), **held) for item in manifest]
    if "train" not in sides:
        raise ManifestError(
            f"{manifest.name}: the official rule puts none of its {len(sides)} clips into train; "
            "split with data.split=stratified"
        )
    origin = f"official hash rule, {_listed(parts)}"
    return _with(manifest, sides, [origin, *_too_small(manifest, sides, parts)])


def _hashed_part(item: Item) -> str:
    name, mark, _ = item.path.name.partition(HASH_MARK)
    return name if mark else item.speaker or item.path.stem


def _by_shares(manifest: Manifest, parts: Shares, seed: int, *, by_label: bool) -> Manifest:
    units = _units(manifest, range(len(manifest)))
    sides = [""] * len(manifest)
    _place(units, _spread(units, parts, seed, by_label=by_label), sides)
    origin = [f"{_manner(manifest, by_label=by_label)}, {_listed(parts)}, seed {seed}"]
    unknown = sum(not item.speaker for item in manifest)
    if 0 < unknown < len(manifest):
        origin.append(f"{unknown} clips without a speaker placed one by one")
    return _with(manifest, sides, origin + _too_small(manifest, sides, parts))


def _manner(manifest: Manifest, *, by_label: bool) -> str:
    whom = "whole speakers" if any(item.speaker for item in manifest) else "speakers unknown"
    return f"stratified by label, {whom}" if by_label else whom


def _halved(manifest: Manifest, parts: Shares, seed: int) -> Manifest:
    """Seeded order; the last part is held out and dealt alternately, test first."""
    units = sorted(_units(manifest, range(len(manifest))), key=lambda unit: unit.rank(seed))
    wanted = (1.0 - parts["train"]) * len(manifest)
    left = Counter(item.label for item in manifest)
    held: list[_Unit] = []
    count = 0
    for unit in reversed(units):
        if count >= round(wanted):
            break
        if all(left[label] > clips for label, clips in unit.labels.items()):
            left -= unit.labels
            held.append(unit)
            count += len(unit.numbers)
    sides = ["train"] * len(manifest)
    for place, unit in enumerate(reversed(held)):
        for number in unit.numbers:
            sides[number] = "validation" if place % 2 else "test"
    whom = ", whole speakers" if any(item.speaker for item in manifest) else ""
    origin = f"{100 * (1 - parts['train']):g} % held out and halved{whom}, seed {seed}"
    return _with(manifest, sides, [origin, *_too_small(manifest, sides, CANONICAL)])


def _units(manifest: Manifest, numbers: Sequence[int]) -> list[_Unit]:
    """The clips with these numbers, grouped by speaker; rows that are alike stay together too."""
    root = manifest.root
    units: dict[str, _Unit] = {}
    for number in numbers:
        item = manifest.items[number]
        key = f"speaker|{item.speaker}" if item.speaker else f"clip|{key_of(item, root)}"
        unit = units.setdefault(key, _Unit(key=key))
        unit.numbers.append(number)
        unit.labels[item.label] += 1
    return list(units.values())


def _spread(units: Sequence[_Unit], parts: Shares, seed: int, *, by_label: bool) -> dict[str, str]:
    """A split for each unit, so that the shares are met overall and, if asked, in each label.

    Units go one by one, in random order, to the split that is furthest behind its share (Webster's
    rule of apportionment, with whole units); large ones first, as small ones can even out what
    those leave. The first unit of a label goes to train.
    """
    totals: Counter[str] = Counter()
    for unit in units:
        totals.update(unit.labels)
    clips, placed = totals.total(), dict.fromkeys(parts, 0)
    have: dict[str, Counter[str]] = {name: Counter() for name in parts}
    sides: dict[str, str] = {}

    def cost(unit: _Unit, split: str) -> float:
        """Growth of the squared, share-weighted distance to the target when `unit` joins."""
        growth = (size := len(unit.numbers)) * (size + 2 * placed[split]) / clips
        if by_label:
            for label, count in unit.labels.items():
                growth += count * (count + 2 * have[split][label]) / totals[label]
        return growth / parts[split]

    for unit in sorted(units, key=lambda one: (-len(one.numbers).bit_length(), one.rank(seed))):
        new = any(not have["train"][label] for label in unit.labels)
        costs = {split: cost(unit, split) for split in parts}
        side = "train" if new else min(costs, key=costs.__getitem__)
        sides[unit.key] = side
        have[side].update(unit.labels)
        placed[side] += len(unit.numbers)
    _fill_empty(units, sides, have, seed)
    return sides


def _fill_empty(
    units: Sequence[_Unit], sides: dict[str, str], have: Mapping[str, Counter[str]], seed: int
) -> None:
    """Give a split that got nothing the smallest unit that train can spare."""
    order = sorted(units, key=lambda unit: (len(unit.numbers), unit.rank(seed)))
    for split in (name for name, labels in have.items() if not labels):
        spare = (
            unit
            for unit in order
            if sides[unit.key] == "train"
            and all(have["train"][label] > count for label, count in unit.labels.items())
        )
        unit = next(spare, None)
        if unit is not None:
            sides[unit.key] = split
            have["train"].subtract(unit.labels)


def _place(units: Sequence[_Unit], sides: Mapping[str, str], into: list[str]) -> None:
    for unit in units:
        for number in unit.numbers:
            into[number] = sides[unit.key]


def _too_small(manifest: Manifest, sides: Sequence[str], parts: Collection[str]) -> list[str]:
    """Which labels do not reach every one of these splits, in words."""
    there = {(item.label, side) for item, side in zip(manifest, sides, strict=True)}
    missing = {name: [x for x in manifest.labels if (x, name) not in there] for name in parts}
    empty = [name for name in parts if name not in sides]
    return [f"too few clips for a {name} part" for name in empty] + [
        f"no {name} clip of {', '.join(labels[:5])}{', ...' if len(labels) > 5 else ''}"
        for name, labels in missing.items()
        if labels and name not in empty
    ]


def _listed(parts: Shares) -> str:
    return "/".join(f"{100 * parts.get(name, 0.0):g}" for name in CANONICAL)


def _with(manifest: Manifest, sides: Sequence[str], origin: Sequence[str]) -> Manifest:
    items = (replace(item, split=side) for item, side in zip(manifest, sides, strict=True))
    return manifest.with_items(items, origin="; ".join(origin))
