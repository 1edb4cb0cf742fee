"""What `sonant evaluate` takes and prints for a bundle of speakers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sonant.cli import console
from sonant.errors import RecipeError

if TYPE_CHECKING:
    from sonant.assessment.trials import Asked
    from sonant.speakers.evaluating import Answers, Evaluation
    from sonant.speakers.scorers import Kind
    from sonant.speakers.slices import Slice
    from sonant.verification.intervals import Interval


def refuse(given: Mapping[str, object], *, about: str) -> None:
    """Raise `RecipeError` naming the first option that was given, of those that are about something else."""
    for option, value in given.items():
        if value:
            raise RecipeError(f"{option}: is about {about}; this bundle is of another task")


def run(
    bundle: Path,
    asked: Asked,
    *,
    score: Kind | None,
    cohort: str,
    rounds: int,
    save_trials: Path | None,
    report: Path | None,
    as_json: bool,
    skip_unreadable: bool,
) -> None:
    """Evaluate and print; exits with 1 where clips cannot be read, unless they may be skipped."""
    from sonant.assessment import speakers

    with console.watching() as watch:
        found = speakers.assess(
            bundle,
            asked,
            scoring=speakers.Scoring(kind=score, cohort=cohort or None),
            rounds=rounds,
            save_trials=save_trials,
            write_to=report,
            on_event=watch,
        )
    if as_json:
        console.result_json(found.to_json())
    else:
        _print(found)
    for message in found.left_out:
        console.show(f"left out: {message}")
    if report:
        console.next_step(f"open {report}", "look at the curves and the parts of the trials")
    elif found.llrs is None and found.scoring == "cosine":
        console.next_step(
            f"sonant speaker calibrate --model {bundle} --data DATA", "so that it can decide"
        )
    else:
        console.next_step(f"sonant evaluate {bundle} ... --report report.html", "see it on a page")
    if found.unreadable and not skip_unreadable:
        raise typer.Exit(1)


def _print(found: Evaluation) -> None:
    from sonant.report.speakers import NAMES, PARTS, remarks_on

    console.table(
        ("figure", "value", "95 % interval"),
        [(NAMES[name], *_rate(name, rate)) for name, rate in found.figures.rates.items()],
        title=f"{found.bundle} on {found.data}, by {found.scoring}",
    )
    for name, rows in found.slices.items():
        console.table(
            ("pairs", "same", "different", "speakers", "EER", "95 % interval"),
            [_part(row) for row in rows],
            title=PARTS[name][0],
        )
    if found.decisions:
        console.table(
            ("pairs", "accepted", "rejected", "not enough speech"),
            [
                _answers("of one speaker", found.decisions.same),
                _answers("of two speakers", found.decisions.different),
            ],
            title=f"decisions at prior {found.decisions.point.prior:g}",
        )
    for remark in remarks_on(found):
        console.show(remark)


def _rate(name: str, found: Interval) -> tuple[str, str]:
    from sonant.report.speakers import bounds, rate

    return rate(name, found), bounds(name, found)


def _part(row: Slice) -> tuple[object, ...]:
    from sonant.report.speakers import bounds, rate

    return (
        row.name,
        row.same,
        row.different,
        row.speakers,
        rate("eer", row.eer),
        bounds("eer", row.eer),
    )


def _answers(name: str, found: Answers) -> tuple[str, int, int, int]:
    return name, found.accepted, found.rejected, found.undecided
