"""What a bundle's card says of how to decide about speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from sonant.card import FILE, Card
from sonant.json_tree import JsonTree
from sonant.speakers import scorers
from sonant.speakers.gates import Gate
from sonant.speakers.records import Candidate
from sonant.speakers.scorers import COSINE, Scorer
from sonant.speakers.vectors import Vectors
from sonant.speakers.verdict import OperatingPoint, score
from sonant.verification.calibration import Calibration

KEY: Final = "speakers"
"""Of the card's operating point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """How a bundle decides about speakers: what its card says at `operating_point.speakers`."""

    calibration: Calibration | None = None
    """None where nobody compared its scores with the truth: then nothing is decided."""
    point: OperatingPoint = field(default_factory=lambda: OperatingPoint(prior=0.5))
    """At the prior 0.5 and even costs: neither answer is favoured."""
    gate: Gate = field(default_factory=Gate)
    scorer: Scorer = COSINE
    """What the calibration takes scores of."""

    def against(
        self, vector: Vectors, candidates: Sequence[Candidate], centre: Callable[[str], Vectors]
    ) -> list[float] | None:
        """What an embedding [size] scores with each candidate's `centre`; None where that is the cosine."""
        if self.scorer is COSINE:
            return None
        return [score(self.scorer, centre(one.name), vector) for one in candidates]

    @classmethod
    def of(cls, card: Card) -> Self:
        """Read a card; without the entry, nothing is calibrated.

        Raises `BundleError` naming the key that is unknown, missing or out of its range.
        """
        if KEY not in (card.operating_point or {}):
            return cls()
        tree = JsonTree(
            file=card.path / FILE,
            where="operating_point.",
            values=card.operating_point or {},
        ).table(KEY)
        tree.only("calibration", "operating_point", "gate", "figures", "chosen_on", "scoring")
        at, gate = tree.table("operating_point"), tree.table("gate")
        at.only("prior", "cost_miss", "cost_false_accept")
        gate.only("speech_s", "snr_db")
        try:
            point = OperatingPoint(**at.numbers())
        except (TypeError, ValueError) as error:
            raise tree.error("operating_point", str(error)) from error
        values = tree.table("calibration").values
        where = f"{tree.where}calibration."
        return cls(
            calibration=Calibration.from_dict(values, file=tree.file, where=where),
            point=point,
            gate=Gate(speech_s=gate.number("speech_s"), snr_db=gate.number("snr_db")),
            scorer=_scorer(card, tree),
        )


def _scorer(card: Card, tree: JsonTree) -> Scorer:
    """The entry `scoring`; the cosine where there is none, as in bundles that know of no other."""
    if "scoring" not in tree.values:
        return COSINE
    said = tree.table("scoring")
    said.only("kind", "file")
    file = said.text("file")
    if file not in card.files:
        raise said.error("file", f"{file!r} is not among the bundle's files")
    return scorers.load(said.text("kind"), card.file(file))
