"""What `sonant evaluate` does with a bundle of keywords: clips with labels, figures, a page. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tomli_w

from sonant import page, report
from sonant.card import Card
from sonant.data import sources
from sonant.data.held_out import as_trained
from sonant.data.preparation import only
from sonant.evaluation import evaluate
from sonant.events import OnEvent, Working, silent
from sonant.manifest import Columns, Manifest
from sonant.scoring import Report


def assess(
    card: Card,
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


def _page(card: Card, result: Report) -> str:
    return report.render(
        result,
        title=f"{card.name} on {result.data}",
        recipe=tomli_w.dumps(card.recipe),
        environment=card.provenance.versions,
        rate_hz=card.audio.rate_hz,
    )
