"""Data for spoof detectors: which clips are bona fide, and no speaker on two sides. No torch."""

from __future__ import annotations

from dataclasses import replace

from sonant.data import splits
from sonant.data.preparation import DataConfig
from sonant.errors import ManifestError
from sonant.listing.spoof_labels import LABELS, spoof_label
from sonant.manifest import Manifest


def prepare(config: DataConfig, manifest: Manifest, *, seed: int) -> Manifest:
    """Clips labelled `bonafide` or `spoof`, each in a split that has all of its speaker's.

    Whose voice a spoof sounds like is its speaker. Raises `ManifestError` for a label that says neither,
    where training would hear one kind alone, and where the data's own splits share speakers, unless `split`
    is `auto`: then whole speakers are split anew.
    """
    named = labelled(manifest)
    assigned = splits.assign(named, how=config.split, shares=config.shares, seed=seed)
    leaks = splits.speaker_leaks(assigned)
    if leaks and config.split == "auto":
        assigned = splits.assign(named, how="stratified", shares=config.shares, seed=seed)
    elif leaks:
        speaker, sides = next(iter(leaks.items()))
        raise ManifestError(
            f"{manifest.name}: {len(leaks)} speakers stand in more than one split, as {speaker} in "
            f"{' and '.join(sides)}; a detector would know their voices. Let sonant split whole speakers "
            "with data.split=stratified"
        )
    heard = {item.label for item in assigned if item.split == "train"}
    for label in LABELS:
        if label not in heard:
            raise ManifestError(
                f"{manifest.name}: no clip to train on is {label}, and telling two kinds apart takes both"
            )
    return assigned


def labelled(manifest: Manifest) -> Manifest:
    """The same clips with the two labels as a detector names them."""
    return manifest.with_items(
        replace(item, label=spoof_label(item.label, where=str(item.path))) for item in manifest
    )
