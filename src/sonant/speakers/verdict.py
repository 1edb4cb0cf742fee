"""What an answer about a voice says: how alike, how likely, what was decided and why.

Nothing is decided without a calibration, and nothing from a clip without enough speech.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sonant.speakers.embedding import Embedding
from sonant.speakers.gates import Gate, Quality
from sonant.speakers.records import Candidate
from sonant.speakers.scorers import COSINE, Scorer
from sonant.speakers.vectors import Vectors
from sonant.verification import quality as measures
from sonant.verification.calibration import Calibration

Decision = Literal["same", "different", "undecided"]
Found = Literal["known", "nobody known", "undecided"]
UNCALIBRATED: Final = (
    "uncalibrated: this model's scores have not been compared with the truth, so nothing is "
    "decided; calibrate it on trials"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What to expect, and what mistakes cost."""

    prior: float
    """P(same speaker), before anything is heard; for `identify`, that it is somebody who is enrolled."""
    cost_miss: float = 1.0
    """Of not knowing somebody."""
    cost_false_accept: float = 1.0
    """Of taking one for another."""

    def __post_init__(self) -> None:
        if not 0.0 < self.prior < 1.0 or min(self.cost_miss, self.cost_false_accept) <= 0.0:
            raise ValueError(f"{self}: want a prior between 0 and 1, and costs above 0")

    @property
    def probability(self) -> float:
        """P(same speaker) from which on accepting costs less than not to."""
        return self.cost_false_accept / (self.cost_false_accept + self.cost_miss)

    @property
    def llr(self) -> float:
        """The same as a log-likelihood ratio, in nats."""
        odds = (1.0 - self.prior) / self.prior
        return math.log(odds * self.cost_false_accept / self.cost_miss)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One side of a comparison."""

    embedding: Embedding
    quality: Quality

    def measures(self) -> dict[str, float]:
        """What a calibration may ask for, by name."""
        found = {"speech_s": self.quality.speech_s, "snr_db": self.quality.snr_db}
        return found if self.embedding.norm is None else {**found, "norm": self.embedding.norm}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether two clips are of one speaker."""

    decision: Decision
    reason: str
    """One sentence: what the decision rests on, or why there is none."""
    cosine: float
    """Between both embeddings, -1 to 1."""
    llr: float | None
    """Log-likelihood ratio, in nats, above 0 for the same speaker; None when uncalibrated."""
    probability: float | None
    """P(same speaker) at the operating point's prior; None when uncalibrated."""
    operating_point: OperatingPoint
    """What the decision was made for."""
    speech_s: float
    """Seconds of speech in the side that has less."""
    snr_db: float
    """Decibels of speech over noise in the noisier side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """Somebody enrolled who may have spoken."""

    name: str
    cosine: float
    """-1 to 1."""
    llr: float | None
    """In nats; None when uncalibrated."""
    probability: float | None
    """That it is this one, and nobody else, known or not; None when uncalibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Who spoke, if it was anybody who is enrolled."""

    decision: Found
    name: str | None
    """Who it was; None unless the decision is `known`."""
    reason: str
    """One sentence."""
    candidates: tuple[Likely, ...]
    """The nearest, nearest first."""
    operating_point: OperatingPoint
    speech_s: float
    snr_db: float


def verify(
    left: Heard,
    right: Heard,
    *,
    point: OperatingPoint,
    calibration: Calibration | None = None,
    gate: Gate | None = None,
    scorer: Scorer = COSINE,
) -> Verdict:
    """Whether two clips are of one speaker; `scorer` gives the scores that the calibration is of.

    Raises `ValueError` where the calibration wants a measure that was not taken.
    """
    sides = (left.embedding.vector, right.embedding.vector)
    cosine = float(sides[0] @ sides[1])
    llr = _llr(score(scorer, *sides), left, right, calibration)
    probability = None if llr is None else float(Calibration.probability(llr, point.prior))
    objection = next(
        (f"{side}: {found}" for side, one in (("first", left), ("second", right))
         if (found := (gate or Gate()).objection(one.quality))),
        "",
    )  # fmt: skip
    decision: Decision = "undecided"
    if not objection and llr is not None:
        decision = "same" if llr >= point.llr else "different"
    return Verdict(
        decision=decision,
        reason=objection or _reason(llr, point),
        cosine=cosine,
        llr=llr,
        probability=probability,
        operating_point=point,
        speech_s=min(left.quality.speech_s, right.quality.speech_s),
        snr_db=min(left.quality.snr_db, right.quality.snr_db),
    )


def identify(
    heard: Heard,
    candidates: Sequence[Candidate],
    *,
    enrolled: int,
    point: OperatingPoint,
    calibration: Calibration | None = None,
    gate: Gate | None = None,
    scores: Sequence[float] | None = None,
) -> Identification:
    """Who of `enrolled` speakers it was, by the nearest of them, or that it was nobody known.

    `scores` are what the calibration is of, one a candidate; None where that is the cosine.
    Each one has an equal part of the prior. Those who are not among the candidates are counted at the last
    candidate's likelihood, or at an even one where that is less, so that a probability is never too high for
    want of evidence. Raises `ValueError` as `verify` does.
    """
    if scores is None:
        scores = [one.cosine for one in candidates]
    likely = _likely(heard, candidates, scores, enrolled, point, calibration)
    objection = (gate or Gate()).objection(heard.quality)
    decision: Found = "undecided"
    best = likely[0] if likely else None
    if objection:
        reason = objection
    elif best is None:
        decision, reason = "nobody known", "nobody is enrolled"
    elif best.probability is None:
        reason = UNCALIBRATED
    else:
        decision = "known" if best.probability >= point.probability else "nobody known"
        reason = (
            f"the nearest is {best.name} with probability {best.probability:.3f}, "
            f"{'at least' if decision == 'known' else 'below'} {point.probability:.3f}"
        )
    return Identification(
        decision=decision,
        name=best.name if best and decision == "known" else None,
        reason=reason,
        candidates=likely,
        operating_point=point,
        speech_s=heard.quality.speech_s,
        snr_db=heard.quality.snr_db,
    )


def score(scorer: Scorer, left: Vectors, right: Vectors) -> float:
    """The score of two embeddings [size]; one of zeros, which is like nobody, gets 0."""
    if scorer is COSINE or not (left.any() and right.any()):
        return float(left @ right)
    return float(scorer.scores(left[None], right[None])[0])


def _llr(score: float, left: Heard, right: Heard, calibration: Calibration | None) -> float | None:
    if calibration is None:
        return None
    sides = ({k: v for k, v in one.measures().items() if k in calibration.quality}
             for one in (left, right))  # fmt: skip
    return float(calibration.llr(score, measures.of_pairs(*sides)))


def _reason(llr: float | None, point: OperatingPoint) -> str:
    if llr is None:
        return UNCALIBRATED
    side = "at least" if llr >= point.llr else "below"
    return f"LLR {llr:.2f} is {side} {point.llr:.2f}, the threshold at prior {point.prior:g}"


def _likely(
    heard: Heard,
    candidates: Sequence[Candidate],
    scores: Sequence[float],
    enrolled: int,
    point: OperatingPoint,
    calibration: Calibration | None,
) -> tuple[Likely, ...]:
    """Candidates with their posteriors: Bayes over everybody enrolled and somebody unknown."""
    # Of the enrolled side only the middle is kept: it is taken to be no worse than what was heard.
    llrs = [_llr(one, heard, heard, calibration) for one in scores]
    known = np.array([llr for llr in llrs if llr is not None])
    shares: list[float | None] = [None] * len(candidates)
    if len(known):
        each = math.log(point.prior / enrolled)
        rest = math.log(max(0, enrolled - len(known)) or 1e-300) + each + min(0.0, known.min())
        terms = np.array([*(each + known), rest, math.log(1.0 - point.prior)])
        shares = list(np.exp(each + known - np.logaddexp.reduce(terms)).tolist())
    found = zip(scores, candidates, llrs, shares, strict=True)
    # The nearest by cosine need not be the nearest by another score; of equals the order stays.
    ordered = sorted(found, key=lambda row: -row[0])
    return tuple(
        Likely(name=one.name, cosine=one.cosine, llr=llr, probability=share)
        for _, one, llr, share in ordered
    )
