"""What a folder of attacked clips comes to: shares with their intervals, means, and who else falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sonant import audio
from sonant.attacking.cases import Case
from sonant.attacking.ears import Ear, Read, margins
from sonant.attacking.work import MEASURED, YES
from sonant.ledger import Row
from sonant.metrics import wilson_interval

AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Successes among clips."""

    won: int
    clips: int

    @property
    def value(self) -> float:
        """0 to 1; nan of no clips."""
        return self.won / self.clips if self.clips else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, at 95 %."""
        return wilson_interval(self.won, self.clips)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        low, high = self.interval
        share = self.value if self.clips else None
        return {"won": self.won, "clips": self.clips, "share": share, "low": low, "high": high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What the same clips do to one bundle."""

    title: str
    path: Path
    about: str
    """What counts as a success there."""
    unattacked: Share
    attacked: Share

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "bundle": self.title,
            "path": str(self.path),
            "about": self.about,
            "unattacked": self.unattacked.to_json(),
            "attacked": self.attacked.to_json(),
        }


def share(rows: Sequence[Row], column: str) -> Share:
    """How many rows say yes."""
    return Share(won=sum(row[column] == YES for row in rows), clips=len(rows))


def idle(rows: Sequence[Row]) -> bool:
    """Whether the attack did nothing: it wins no more clips than are won without it."""
    return share(rows, "success").won <= share(rows, "unattacked").won


def means(rows: Sequence[Row]) -> dict[str, float]:
    """Of what was measured, by name; those that nothing was measured of are left out."""
    found = {}
    for name in (*MEASURED, "queries", "took_s", "score_before", "score_after"):
        values = [float(row[name]) for row in rows if row[name]]
        if values:
            found[name] = float(np.mean(values))
    return found


def transferred(
    ear: Ear,
    cases: Sequence[Case],
    out: Path,
    *,
    read: Read,
    about: str,
    on_progress: Callable[[int, int], object],
) -> Transfer:
    """Ask another bundle about the clean and the written clips of some cases."""
    won = {"clean": 0, "changed": 0}
    for first in range(0, len(cases), AT_ONCE):
        some = [ear.seen(case) for case in cases[first : first + AT_ONCE]]
        sounds: Mapping[str, list[Any]] = {
            "clean": [read(case.item) for case in some],
            "changed": [audio.read(out / case.path).samples for case in some],
        }
        for which, heard in sounds.items():
            won[which] += int(
                np.count_nonzero(margins(ear.scores(some, heard), some, ear.names) > 0)
            )
        on_progress(first + len(some), len(cases))
    return Transfer(
        title=ear.title,
        path=ear.card.path,
        about=about,
        unattacked=Share(won=won["clean"], clips=len(cases)),
        attacked=Share(won=won["changed"], clips=len(cases)),
    )
