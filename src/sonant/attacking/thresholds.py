"""From which cosine on a speaker model says yes: as it was calibrated, or where both errors are as many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from sonant.attacking.cases import sound
from sonant.audio import Clip
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.speakers import pairing
from sonant.speakers.model import SpeakerModel
from sonant.verification.rates import det

VALIDATION: Final = "validation"
PER_SPEAKER: Final = 5
MOST: Final = 400
"""Trials that a threshold is found on."""
MIDDLING: Final = 24
"""Clips whose quality says what an ordinary one is like."""


class Threshold(NamedTuple):
    """Where a verifier says yes, and how that is known."""

    cosine: float
    how: str


def threshold_of(
    card: Card, manifest: Manifest, *, split: str, longest_s: float, seed: int = 0
) -> Threshold:
    """The calibrated operating point of a bundle as a cosine, or the equal-error threshold of its scores.

    The latter is found on trials of the validation split, and where there is none on those of `split`, which
    favours the model. Raises `ManifestError` where there are no trials either.
    """
    model = SpeakerModel(card)
    there = manifest.where(split=split) if split in manifest.splits else manifest
    some = _evenly(there.items, MIDDLING)
    heard = model.hear_many([_clip(item, card, longest_s) for item in some])
    cosine = model.cosine_threshold(heard)
    if cosine is not None:
        return Threshold(cosine, "calibrated operating point")
    known = VALIDATION if VALIDATION in manifest.splits else split
    try:
        return _equal_errors(model, manifest, known, longest_s=longest_s, seed=seed)
    except ManifestError:
        if known == split:
            raise
    return _equal_errors(model, manifest, split, longest_s=longest_s, seed=seed)


def _equal_errors(
    model: SpeakerModel, manifest: Manifest, split: str, *, longest_s: float, seed: int
) -> Threshold:
    drawn = pairing.draw(
        manifest, split=split, per_speaker=PER_SPEAKER, different_per_same=1, seed=seed
    )
    trials = drawn.trials
    if len(trials) > MOST:
        kept = np.random.default_rng([seed, 1]).permutation(len(trials))[:MOST]
        trials = trials.where(np.isin(np.arange(len(trials)), kept))
    places = dict(zip(drawn.trials.clips, drawn.items, strict=True))
    items = [places[name] for name in trials.clips]
    heard = model.hear_many([_clip(item, model.card, longest_s) for item in items])
    vectors = np.stack([one.embedding.vector for one in heard]).astype(np.float64)
    left, right = trials.numbers.T
    curve = det((vectors[left] * vectors[right]).sum(1), trials.same)
    # Behind the last score nobody is accepted, and infinity is no cosine.
    gap = np.abs(curve.misses - curve.alarms)[:-1]
    place = int(gap.argmin())
    rate = (curve.misses[place] + curve.alarms[place]) / 2
    return Threshold(
        float(curve.thresholds[place]),
        f"not calibrated: equal errors of {rate:.1%} on {len(trials)} trials of the split {split}",
    )


def _clip(item: Item, card: Card, longest_s: float) -> Clip:
    samples = sound(item, card.audio, task=card.task, longest_s=longest_s)
    return Clip(samples, card.audio.rate_hz)


def _evenly(items: Sequence[Item], count: int) -> list[Item]:
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
