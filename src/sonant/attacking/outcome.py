"""What came of a run of attacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonant.attacking import summary, work
from sonant.attacking.proving import Proof
from sonant.attacking.summary import Share, Transfer
from sonant.ledger import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a run."""

    title: str
    manifest: Path
    report: Path
    summary: Path
    rows: tuple[Row, ...]
    """All that the folder holds of this plan."""
    made: int
    """By this run; the others were there."""
    missing: int
    """Cases that the budget did not reach."""
    success: Share
    success_bare: Share
    """By the model without defences and detector."""
    unattacked: Share
    transfers: tuple[Transfer, ...]
    proof: Proof | None
    """None where there is no model to follow a gradient through."""
    threshold: float | None
    guessed: float | None
    """The threshold as FAKEBOB found it; None where it did not, or nobody asked."""
    remarks: tuple[str, ...]

    @property
    def idle(self) -> bool:
        """Whether the attack did nothing."""
        return summary.idle(self.rows)

    def to_json(self) -> dict[str, Any]:
        """What `summary.json` holds and `sonant attack --json` prints."""
        return {
            "victim": self.title,
            **{name: self.rows[0][name] for name in work.SETTINGS},
            "clips": len(self.rows),
            "made": self.made,
            "missing": self.missing,
            "success": self.success.to_json(),
            "success_bare": self.success_bare.to_json(),
            "unattacked": self.unattacked.to_json(),
            "did_nothing": self.idle,
            "means": summary.means(self.rows),
            "transfer": [one.to_json() for one in self.transfers],
            "proof": self.proof.to_json() if self.proof else None,
            "threshold_guessed": self.guessed,
            "remarks": list(self.remarks),
            "manifest": str(self.manifest),
            "report": str(self.report),
        }
