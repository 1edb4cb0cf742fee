"""Data for speaker models: whose clips they are, and no speaker on two sides. No torch."""

from __future__ import annotations

from dataclasses import replace

from sonant.data import splits
from sonant.data.preparation import DataConfig, only
from sonant.errors import ManifestError
from sonant.manifest import Manifest

PARTS = {"train": "train", "dev": "validation", "test": "test"}
"""How the parts of a corpus of speakers begin, as in dev-clean."""


def prepare(config: DataConfig, manifest: Manifest, *, seed: int) -> Manifest:
    """Clips whose label is their speaker, each in a split that has all of its speaker's.

    Where no clip names a speaker, the labels are the speakers, as in a folder of folders; where some do,
    the others are left out. `config.labels` are words, and choose clips before that. Raises
    `ManifestError` where the data's own splits share speakers, unless `split` is `auto`: then whole
    speakers are split anew.
    """
    named = _with_speakers(only(manifest, config.labels))
    # Whole speakers cannot be spread evenly over themselves.
    how: splits.Split = "speaker" if config.split == "stratified" else config.split
    assigned = splits.assign(_with_parts(named), how=how, shares=config.shares, seed=seed)
    leaks = splits.speaker_leaks(assigned)
    if leaks and config.split == "auto":
        assigned = splits.assign(named, how="speaker", shares=config.shares, seed=seed)
    elif leaks:
        speaker, sides = next(iter(leaks.items()))
        raise ManifestError(
            f"{manifest.name}: {len(leaks)} speakers stand in more than one split, as {speaker} in "
            f"{' and '.join(sides)}; nothing could be said of speakers never heard. Let sonant split "
            "whole speakers with data.split=speaker"
        )
    return assigned.with_items(replace(item, label=item.speaker) for item in assigned)


def _with_speakers(manifest: Manifest) -> Manifest:
    """Every clip with its speaker and without a label, so that splits go by speaker alone."""
    said = any(item.speaker for item in manifest)
    items = tuple(
        replace(item, speaker=item.speaker if said else item.label, label="") for item in manifest
    )
    kept = tuple(item for item in items if item.speaker)
    if not kept:
        raise ManifestError(
            f"{manifest.name}: no clip names its speaker; give a folder with a folder for each speaker, "
            "or say which column it is with --speaker-column NAME"
        )
    return manifest.with_items(kept)


def _with_parts(manifest: Manifest) -> Manifest:
    """The parts of a corpus as its splits, where they are named as such and nothing else is."""
    parts = {name: PARTS.get(name.partition("-")[0], "") for name in manifest.splits}
    if not all(parts.values()) or all(name == part for name, part in parts.items()):
        return manifest
    return manifest.with_items(
        (replace(item, split=parts.get(item.split, "")) for item in manifest),
        origin=f"{manifest.origin}: {', '.join(parts)}".lstrip(": "),
    )
