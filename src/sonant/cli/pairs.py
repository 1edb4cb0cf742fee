"""What the options of trials and operating points have to be like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sonant.speakers.verdict import OperatingPoint


def named(data: str, trials: Path | None) -> None:
    """Raise `typer.BadParameter` where neither clips nor trials are named."""
    if not data and trials is None:
        raise typer.BadParameter("name clips with speakers by --data, or trials by --trials")


def point(prior: float, *, cost_miss: float, cost_false_accept: float) -> OperatingPoint:
    """What was asked for; raises `typer.BadParameter` out of range."""
    from sonant.speakers.verdict import OperatingPoint

    try:
        return OperatingPoint(prior=prior, cost_miss=cost_miss, cost_false_accept=cost_false_accept)
    except ValueError as error:
        raise typer.BadParameter(
            "--prior is between 0 and 1, and --cost-miss and --cost-false-accept are above 0"
        ) from error
