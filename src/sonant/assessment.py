"""Evaluate a bundle as a user asks for it: data by name or path, some labels, a page to look at. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tomli_w

from sonant import page, report
from sonant.card import Card, find
from sonant.data import sources
from sonant.data.preparation import DataConfig, only
from sonant.evaluation import evaluate
from sonant.events import OnEvent, Working, silent
from sonant.listing.names import canonical_split
from sonant.manifest import Columns, Manifest
from sonant.scoring import Report


def assess(
    bundle: Path | str,
    data: Manifest | Path | str | None = None,
    *,
    split: str = "test",
    labels: Sequence[str] = (),
    unknown_as: str | None = None,
    columns: Columns | None = None,
    audio: Path | None = None,
    write_to: Path | None = None,
    on_event: OnEvent = silent,
) -> Report:
    """Score a bundle on a split of some data (None: the embedded corpus), and write the page if asked to.

    Data without splits is split as it was for training, so that `test` is what training never saw.
    """
    card = Card.read(find(Path(bundle)))
    manifest = sources.load(data, columns=columns, audio=audio, on_event=on_event)
    if split != "all":
        manifest = as_trained(card, manifest, unknown_as=unknown_as, wanted=split)
    manifest = only(manifest, tuple(labels))  # after the split, which depends on all labels
    result = evaluate(
        card.path,
        manifest,
        split=split,
        unknown_as=unknown_as,
        on_progress=lambda done, total: on_event(
            Working(what="evaluating", done=done, total=total)
        ),
    )
    if write_to is not None:
        page.write(write_to, _page(card, result))
    return result


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


def _page(card: Card, result: Report) -> str:
    return report.render(
        result,
        title=f"{card.name} on {result.data}",
        recipe=tomli_w.dumps(card.recipe),
        environment=card.provenance.versions,
        rate_hz=card.audio.rate_hz,
    )
