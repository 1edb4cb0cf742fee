"""The splits of a bundle's training, found again: what it was trained on, and what was held out."""

from __future__ import annotations

from sonant.card import Card
from sonant.data.preparation import DataConfig
from sonant.listing.names import canonical_split
from sonant.manifest import Manifest


def as_trained(
    card: Card, manifest: Manifest, *, unknown_as: str | None = None, wanted: str = "test"
) -> Manifest:
    """The splits that the bundle's recipe makes of the data, so that `test` is what was held out.

    Data without training clips is taken as it is, and so is a split that only the data names.
    Labels the bundle does not know were no part of its training, so they are split by themselves:
    they must not shift the others.
    """
    config, seed = DataConfig.from_dict(card.recipe["data"]), card.recipe["seed"]
    if config.words.wanted and unknown_as is None and not _is_prepared(manifest, card):
        return config.prepare(manifest, seed=seed)
    named = canonical_split(wanted) not in ("train", "validation", "test")
    if manifest.splits and ("train" not in manifest.splits or named):
        return manifest
    known = manifest.where(labels=[label for label in manifest.labels if label in card.labels])
    other = manifest.where(labels=[label for label in manifest.labels if label not in card.labels])
    if len(known):
        known = config.plain().prepare(known, seed=seed)
    if len(other) and not other.splits:
        other = config.plain().prepare(other, seed=seed)
    return known.with_items((*known, *other), origin=known.origin)


def _is_prepared(manifest: Manifest, card: Card) -> bool:
    """Whether the data has the bundle's labels already, `_unknown_` and `_silence_` among them."""
    return set(manifest.labels) <= set(card.labels)
