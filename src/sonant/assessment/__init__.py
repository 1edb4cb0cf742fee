"""Evaluate a bundle as a user asks for it: data by name or path, some of it, a page to look at. No torch.

keywords.py     accuracy on clips with labels
speakers.py     error rates on trials of clips with speakers
trials.py       which trials these are
fusing.py       several speaker bundles as one, and what that brings
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sonant.assessment import keywords, speakers
from sonant.assessment.trials import Asked
from sonant.card import Card, find
from sonant.errors import RecipeError
from sonant.events import OnEvent, silent
from sonant.manifest import Columns, Manifest
from sonant.scoring import Report
from sonant.speakers.evaluating import Evaluation

SPEAKERS: Final = "speakers"
"""The task whose bundles are evaluated on trials."""


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
) -> Report | Evaluation:
    """Score a bundle on a split of some data (None: the embedded corpus), and write the page if asked to.

    Data without splits is split as it was for training, so that `test` is what training never saw. A bundle
    of speakers is asked about trials drawn from the split, and knows nothing of `labels` and `unknown_as`.
    """
    card = Card.read(find(Path(bundle)))
    if card.task == SPEAKERS:
        if labels or unknown_as:
            raise RecipeError(
                f"{card.path}: tells speakers apart, and has no labels to choose from"
            )
        asked = Asked(data=data, split=split, columns=columns, audio=audio)
        return speakers.assess(card.path, asked, write_to=write_to, on_event=on_event)
    return keywords.assess(
        card,
        data,
        split=split,
        labels=labels,
        unknown_as=unknown_as,
        columns=columns,
        audio=audio,
        write_to=write_to,
        on_event=on_event,
    )


def task_of(bundle: Path | str) -> str:
    """What a bundle is for, by its card alone; raises `BundleError` where there is none."""
    return Card.read(find(Path(bundle)), verify=False).task
