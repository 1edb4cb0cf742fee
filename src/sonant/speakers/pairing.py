"""Trials of a split, whatever its speakers have: whole clips, or the two ends of their only one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sonant.errors import ManifestError
from sonant.listing.names import canonical_split
from sonant.manifest import Item, Manifest
from sonant.speakers import cutting
from sonant.verification.trials import TrialList

ALL: Final = "all"
"""The split that takes every clip."""
PER_SPEAKER: Final = 20
DIFFERENT_PER_SAME: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Trials, and their clips."""

    trials: TrialList
    items: tuple[Item, ...]
    """The clip of each of `trials.clips`."""
    remark: str = ""
    """What has to be said of them; empty where nothing has."""


def draw(
    manifest: Manifest,
    *,
    split: str,
    per_speaker: int = PER_SPEAKER,
    different_per_same: int = DIFFERENT_PER_SAME,
    two_sessions: bool = False,
    seed: int = 0,
) -> Drawn:
    """Draw trials of a split (`all`: of everything), as `TrialList.make` does.

    Where most speakers have one clip only, its two ends are compared: such pairs are of one session, and
    the remark says so. Raises `ManifestError` where there is no such split, or no pairs.
    """
    clips, remark = chosen(manifest, split), ""
    wanted = "" if split == ALL else canonical_split(split)
    if cutting.wanted(clips):
        cut = cutting.ends(clips)
        others = (item for item in manifest if wanted and item.split != wanted)
        manifest = manifest.with_items((*cut.manifest, *others))
        remark = str(cut) if cut.halved else ""
    try:
        trials = TrialList.make(
            manifest,
            split=wanted,
            per_speaker=per_speaker,
            different_per_same=different_per_same,
            two_sessions=two_sessions,
            seed=seed,
        )
    except ManifestError as error:
        raise ManifestError(f"--split {split}: {error}") from error
    origin = f"{trials.origin}; {remark}" if remark else trials.origin
    return Drawn(trials=replace(trials, origin=origin), items=trials.items(manifest), remark=remark)


def chosen(manifest: Manifest, split: str) -> Manifest:
    """The clips of a split, under any of its common names; raises `ManifestError` where it has none."""
    if split == ALL:
        return manifest
    wanted = canonical_split(split)
    if wanted not in manifest.splits:
        there = ", ".join(manifest.splits) or "none"
        raise ManifestError(
            f"{manifest.name}: has no split {split!r} (there: {there}); take another by --split, best one "
            f"that was not trained on"
        )
    return manifest.where(split=wanted)
