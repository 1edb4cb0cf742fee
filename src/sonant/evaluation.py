"""How good a bundle is on clips with labels, answered by its graph without torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from sonant.errors import ManifestError
from sonant.listing.names import canonical_split
from sonant.manifest import Item, Manifest
from sonant.runtime.recogniser import BATCH, Answer, Recogniser
from sonant.scoring import Report, Scored, score

ALL: Final = "all"
"""The split that takes every clip."""
NAMED: Final = 8
"""How many labels a message lists."""


def evaluate(
    bundle: Path | str,
    manifest: Manifest,
    *,
    split: str = "test",
    unknown_as: str | None = None,
    workers: int | None = None,
    batch: int = BATCH,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Ask the bundle about every clip of a split (`all`: of the manifest) and score its answers.

    Clips with labels the bundle does not know count as `unknown_as`, a label it does know. Raises
    `ManifestError` when there is no such split, a clip has no label, or labels are unknown.
    """
    recogniser = Recogniser.load(bundle)
    card = recogniser.card
    items = _known(_chosen(manifest, split), card.labels, unknown_as, where=manifest.name)
    scored: list[Scored] = []
    seconds: list[float] = []
    for answer in recogniser.answers(items, batch=batch, workers=workers):
        scored.append(_scored(answer, card.labels))
        if answer.probabilities is not None:
            seconds.append(answer.seconds)
        if on_progress and (len(scored) % batch == 0 or len(scored) == len(items)):
            on_progress(len(scored), len(items))
    return score(
        scored,
        labels=card.labels,
        bundle=f"{card.name}/{card.version}",
        data=manifest.name,
        split=canonical_split(split),
        parameters=card.model.parameters,
        macs_per_second=card.model.macs_per_second,
        bundle_bytes=card.bytes,
        ms_per_clip=1000 * sum(seconds) / max(len(seconds), 1),
    )


def _chosen(manifest: Manifest, split: str) -> tuple[Item, ...]:
    """The clips of a split, under any of its common names."""
    wanted = canonical_split(split)
    items = manifest.items if split == ALL else manifest.where(split=wanted).items
    if items:
        return items
    there = ", ".join(manifest.splits)
    raise ManifestError(
        f"{manifest.name}: has no clips in the split '{split}'; "
        + (
            f"there: {there}; or take them all with --split {ALL}"
            if there
            else _no_splits(manifest)
        )
    )


def _no_splits(manifest: Manifest) -> str:
    if not manifest.items:
        return "it has no clips at all"
    return f"it has no splits: take all clips with --split {ALL}"


def _known(
    items: Sequence[Item], labels: Sequence[str], unknown_as: str | None, *, where: str
) -> list[Item]:
    """The items, each with a label of the bundle."""
    if unknown_as is not None and unknown_as not in labels:
        raise ManifestError(
            f"--unknown-as {unknown_as}: is no label of the bundle; its labels are "
            f"{', '.join(labels)}"
        )
    bare = [item for item in items if not item.label]
    if bare:
        raise ManifestError(
            f"{where}: {len(bare)} of {len(items)} clips have no label, as {bare[0].path}; "
            "give the column of the labels, or use sonant predict"
        )
    unknown = Counter(item.label for item in items if item.label not in labels)
    if unknown and unknown_as is None:
        known = sorted({item.label for item in items} - set(unknown))
        raise ManifestError(_unknown(unknown, known, where=where))
    return [
        replace(item, label=unknown_as) if unknown_as and item.label in unknown else item
        for item in items
    ]


def _unknown(unknown: Counter[str], known: Sequence[str], *, where: str) -> str:
    """What is not known, and the two ways to mend it."""
    names = sorted(unknown)
    listed = ", ".join(f"{name} ({unknown[name]})" for name in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{where}: {unknown.total()} clips have {len(names)} labels that the bundle does not know: "
        f"{listed}{more}. Count them as one it knows with --unknown-as LABEL, or evaluate only on "
        + (f"those it knows with --labels {','.join(known)}" if known else "other data (--labels)")
    )


def _scored(answer: Answer, labels: Sequence[str]) -> Scored:
    item, shares = answer.item, answer.probabilities
    best = None if shares is None else int(shares.argmax())
    return Scored(
        path=str(item.path),
        label=item.label,
        predicted="" if best is None else labels[best],
        probability=0.0 if shares is None or best is None else float(shares[best]),
        probabilities=np.zeros(0, np.float32) if shares is None else shares,
        speaker=item.speaker,
        start_s=item.start_s,
        end_s=item.end_s,
        gain=item.gain,
        error=answer.error,
    )
