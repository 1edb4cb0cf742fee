"""Whether labels can be told without the speech: a corpus on which they can teaches shortcuts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.errors import AudioError, ManifestError, MissingExtra
from sonant.listing.spoof_labels import BONAFIDE, spoof_label
from sonant.manifest import Item, Manifest
from sonant.spoofing.nuisance import GROUPS, measure
from sonant.spoofing.scoring import Progress
from sonant.verification import rates
from sonant.verification.checks import Bools, Floats
from sonant.verification.intervals import Interval, interval

FOLDS: Final = 5
TREES: Final = 200
LEAF: Final = 3
"""Clips in a leaf at least."""
CHANCE: Final = 0.4
"""An equal error rate above it is taken to be near that of a coin."""
ROUNDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """How well one group of measures tells the labels apart."""

    group: str
    """A name of `nuisance.GROUPS`, or `all` of them together."""
    eer: Interval
    """Of clips whose speakers the classifier had not seen; 0.5 is what a coin does."""

    @property
    def near_chance(self) -> bool:
        """Whether its interval reaches `CHANCE`."""
        return self.eer.high >= CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What can be told of a corpus without its speech."""

    data: str
    bonafide: int
    spoofs: int
    speakers: int
    shortcuts: tuple[Shortcut, ...]
    left_out: tuple[str, ...]
    """Why clips could not be measured, a message each."""

    @property
    def clean(self) -> bool:
        """Whether no group of measures tells the labels apart."""
        return all(found.near_chance for found in self.shortcuts)


def audit(
    manifest: Manifest,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Audit:
    """Try to tell the labels of a manifest by silence, length, gain, bandwidth, codec and pauses alone.

    For each group of measures a forest of trees is fitted to four fifths of the speakers and asked about
    the others, in turn. Raises `ManifestError` where one kind of clip or a second speaker is missing, and
    `MissingExtra` without scikit-learn.
    """
    ensemble = _library()
    kept, tables, left_out = _measured(manifest, on_progress)
    truth: Bools = np.array(
        [spoof_label(item.label, where=str(item.path)) == BONAFIDE for item in kept], np.bool_
    )
    whose = [item.speaker or f"clip {item.path}|{item.start_s}" for item in kept]
    if not truth.any() or truth.all() or len(set(whose)) < 2:
        raise ManifestError(
            f"{manifest.name}: of {len(kept)} clips that can be measured {int(truth.sum())} are {BONAFIDE}, "
            f"of {len(set(whose))} speakers; an audit takes both kinds and two speakers or more"
        )
    folds = folds_of(whose, seed=seed)
    tables["all"] = np.concatenate(list(tables.values()), axis=1)
    found = []
    for group, table in tables.items():
        scores = _held_out(ensemble, table, truth, folds, seed=seed)
        eer = interval(rates.eer, scores, truth, speakers=(whose, whose), rounds=rounds, seed=seed)
        found.append(Shortcut(group=group, eer=eer))
    return Audit(
        data=manifest.name,
        bonafide=int(truth.sum()),
        spoofs=int((~truth).sum()),
        speakers=len(set(whose)),
        shortcuts=tuple(found),
        left_out=left_out,
    )


def folds_of(speakers: Sequence[str], *, seed: int) -> NDArray[np.int64]:
    """The fold of each clip, [clips]: whole speakers, by their names and the seed alone."""
    names = sorted(
        set(speakers), key=lambda name: hashlib.sha256(f"{seed}|{name}".encode()).digest()
    )
    count = min(FOLDS, len(names))
    fold = {name: number % count for number, name in enumerate(names)}
    return np.array([fold[name] for name in speakers], np.int64)


def _measured(
    manifest: Manifest, on_progress: Progress | None
) -> tuple[list[Item], dict[str, Floats], tuple[str, ...]]:
    """The clips that can be measured, a table [clips, measures] for each group, and the others' messages."""
    kept: list[Item] = []
    rows: Mapping[str, list[list[float]]] = {name: [] for name in GROUPS}
    left_out = []
    for number, item in enumerate(manifest, start=1):
        try:
            one = measure(item)
            found = {name: group(one) for name, group in GROUPS.items()}
        except AudioError as error:
            left_out.append(str(error))
        else:
            kept.append(item)
            for name, values in found.items():
                rows[name].append(values)
        if on_progress:
            on_progress(number, len(manifest))
    tables = {name: np.array(values, np.float64) for name, values in rows.items()}
    return kept, tables, tuple(left_out)


def _held_out(
    ensemble: ModuleType, table: Floats, truth: Bools, folds: NDArray[np.int64], *, seed: int
) -> Floats:
    """For each clip the share of trees, none of which saw its speaker, that call it bona fide."""
    scores = np.full(len(truth), 0.5)
    for fold in np.unique(folds):
        asked = folds == fold
        if len(np.unique(truth[~asked])) < 2:
            continue  # nothing was learned, and nothing is claimed
        forest = ensemble.ExtraTreesClassifier(
            TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed, n_jobs=1
        )
        forest.fit(table[~asked], truth[~asked])
        scores[asked] = forest.predict_proba(table[asked])[:, list(forest.classes_).index(True)]
    return scores


def _library() -> ModuleType:
    try:
        from sklearn import ensemble
    except ImportError as error:
        raise MissingExtra(
            "scikit-learn", extra="spoofing", purpose="the shortcut audit"
        ) from error
    found: ModuleType = ensemble
    return found
