"""Spoof detection and speaker verification judged together: costs and error rates of ASVspoof and SASV.

A detector's scores are higher for bona fide speech, a verifier's for the same speaker. Of a verifier, or of
a system that does both, there are three kinds of trials: the same speaker (`targets`), another speaker
(`others`) and a forged voice of the same speaker (`spoofs`); each is an array [trials] of scores. Rates are
shares from 0 to 1. Everything raises `ManifestError` where trials of a kind are missing and `ValueError` for
scores that are no numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import ManifestError
from sonant.verification import rates
from sonant.verification.checks import Floats, Numbers, probability, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """How often each kind of trial comes, and what each error costs."""

    target: float
    """Probability of the same speaker."""
    other: float
    """Probability of another speaker."""
    spoof: float
    """Probability of a forged voice; the three sum to 1."""
    miss_cost: float = 1.0
    """Of refusing the same speaker."""
    other_cost: float = 10.0
    """Of accepting another speaker."""
    spoof_cost: float
    """Of accepting a forged voice."""

    def __post_init__(self) -> None:
        each = (self.target, self.other, self.spoof)
        if min(each) < 0 or not math.isclose(sum(each), 1.0, abs_tol=1e-9):
            raise ValueError(f"priors {each} have to be 0 or more and sum to 1")
        if min(self.miss_cost, self.other_cost, self.spoof_cost) <= 0:
            raise ValueError("costs have to be above 0")


A_DCF: Final = Priors(target=0.9, other=0.05, spoof=0.05, spoof_cost=20.0)
"""Of the a-DCF in ASVspoof 5, track 2."""
T_DCF: Final = Priors(target=0.9405, other=0.0095, spoof=0.05, spoof_cost=10.0)
"""Of the t-DCF in ASVspoof 2019, 2021 and 5."""
CM_PRIOR: Final = 0.05
"""Probability of a forged clip in ASVspoof 5, track 1; a miss costs 1 there, a spoof let through 10."""
CM_ALARM_COST: Final = 10.0


def cm_min_dcf(
    scores: ArrayLike, bonafide: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Least detection cost of a detector alone, normalised; `bonafide` is truth, [clips].

    C(t) = (0.95 misses(t) + 0.5 alarms(t)) / 0.5. Source: Wang et al., "ASVspoof 5: crowdsourced speech data,
    deepfakes, and adversarial attacks at scale" (2024), with its Pspoof 0.05, Cmiss 1, Cfa 10.
    """
    return rates.min_dcf(
        scores, bonafide, prior=1.0 - CM_PRIOR, alarm_cost=CM_ALARM_COST, weights=weights
    )


def cm_act_dcf(llrs: ArrayLike, bonafide: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """The same cost of LLRs at the threshold -ln(beta), beta = Cmiss (1 - Pspoof) / (Cfa Pspoof) = 1.9.

    Source: as `cm_min_dcf`.
    """
    return rates.act_dcf(
        llrs, bonafide, prior=1.0 - CM_PRIOR, alarm_cost=CM_ALARM_COST, weights=weights
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What every threshold of a verifier does, [points] each; a score at the threshold is accepted."""

    thresholds: Floats
    """All different scores, then infinity."""
    misses: Floats
    """Share of the same speaker that is refused."""
    others: Floats
    """Share of other speakers that is accepted."""
    spoofs: Floats
    """Share of forged voices that is accepted."""


def curves(targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike) -> Curves:
    """Errors of each kind at every threshold."""
    kinds = [_kind(name, scores) for name, scores in _named(targets, others, spoofs)]
    thresholds = np.append(np.unique(np.concatenate(kinds)), np.inf)
    below = [np.searchsorted(np.sort(kind), thresholds, side="left") / len(kind) for kind in kinds]
    return Curves(
        thresholds=thresholds, misses=below[0], others=1.0 - below[1], spoofs=1.0 - below[2]
    )


def a_dcf(
    targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike, *, priors: Priors = A_DCF
) -> float:
    """Least cost of any threshold of a system with one score, normalised; 1 is that of a constant answer.

    C(t) = Cmiss Ptar Pmiss(t) + Cfa,asv Pnon Pfa,non(t) + Cfa,cm Pspf Pfa,spf(t), over the lesser of the
    cost of accepting all and of refusing all. Source: Shim et al., "a-DCF: an architecture agnostic metric
    with application to spoofing-robust speaker verification" (Odyssey 2024).
    """
    found = curves(targets, others, spoofs)
    miss = priors.miss_cost * priors.target
    other = priors.other_cost * priors.other
    spoof = priors.spoof_cost * priors.spoof
    cost = miss * found.misses + other * found.others + spoof * found.spoofs
    return float(cost.min() / min(miss, other + spoof))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What a verifier does at its threshold: all that the t-DCF has to know of it."""

    misses: float
    others: float
    """Share of other speakers that it accepts."""
    spoofs: float
    """Share of forged voices that it accepts."""

    @classmethod
    def at(
        cls, threshold: float, targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike
    ) -> Verifier:
        """Count errors at a threshold; a score at it is accepted."""
        kinds = [_kind(name, scores) for name, scores in _named(targets, others, spoofs)]
        accepted = [float(np.mean(kind >= threshold)) for kind in kinds]
        return cls(misses=1.0 - accepted[0], others=accepted[1], spoofs=accepted[2])

    @classmethod
    def at_eer(cls, targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike) -> Verifier:
        """At the threshold where misses and false alarms on other speakers are nearest to equal.

        As ASVspoof fixes it; forged voices have no say in it.
        """
        found = curves(targets, others, spoofs)
        place = int(np.argmin(np.abs(found.misses - found.others)))
        return cls.at(float(found.thresholds[place]), targets, others, spoofs)


def t_dcf(
    scores: ArrayLike, bonafide: ArrayLike, *, verifier: Verifier, priors: Priors = T_DCF
) -> float:
    """Least cost of any threshold of a detector that stands before a fixed verifier, normalised.

    C(t) = C0 + C1 Pmiss,cm(t) + C2 Pfa,cm(t), with C0 = Ptar Cmiss Pmiss,asv + Pnon Cfa Pfa,asv, C1 = Ptar
    Cmiss - C0 and C2 = Pspoof Cfa,spoof Pfa,spoof,asv, over C0 + min(C1, C2): what accepting or refusing
    all would cost. `scores` and truth `bonafide` are the detector's, [clips]. Raises `ValueError` where the
    verifier errs so much that refusing everybody is cheaper. Source: Kinnunen et al., "Tandem assessment of
    spoofing countermeasures and automatic speaker verification: fundamentals", IEEE/ACM TASLP 28 (2020), as
    in the evaluation package of ASVspoof 2021.
    """
    found = rates.det(scores, bonafide)
    miss = priors.target * priors.miss_cost
    base = miss * verifier.misses + priors.other * priors.other_cost * verifier.others
    of_miss, of_alarm = miss - base, priors.spoof * priors.spoof_cost * verifier.spoofs
    if of_miss < 0:
        raise ValueError(
            f"the verifier misses {verifier.misses:.2%} and accepts {verifier.others:.2%} of others: "
            "refusing everybody costs less, so no detector can be judged by it"
        )
    least = base + min(of_miss, of_alarm)
    if not least:
        return 0.0  # no error of either system costs anything
    cost = base + of_miss * found.misses + of_alarm * found.alarms
    return float(cost.min() / least)


@dataclass(frozen=True, slots=True, kw_only=True)
class SasvEers:
    """Equal error rates of a system with one score, by what it has to refuse."""

    sasv: float
    """Other speakers and forged voices."""
    sv: float
    """Other speakers alone."""
    spf: float
    """Forged voices alone."""


def sasv_eers(targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike) -> SasvEers:
    """SASV-EER, SV-EER and SPF-EER.

    Source: Jung et al., "SASV 2022: the first spoofing-aware speaker verification challenge" (2022).
    Between two points of the curve rates are interpolated, as in `rates.eer`.
    """
    same, other, spoof = (_kind(name, scores) for name, scores in _named(targets, others, spoofs))

    def against(refused: Floats) -> float:
        truth = np.arange(len(same) + len(refused)) < len(same)
        return rates.eer(np.concatenate([same, refused]), truth)

    return SasvEers(
        sasv=against(np.concatenate([other, spoof])), sv=against(other), spf=against(spoof)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TandemEer:
    """Where a detector and the verifier behind it err alike in every way."""

    rate: float
    """Mean of the three error rates there, which differ by what finite trials leave."""
    verifier: float
    """Threshold of the verifier."""
    detector: float
    """Threshold of the detector."""


def t_eer(
    *,
    targets: tuple[ArrayLike, ArrayLike],
    others: tuple[ArrayLike, ArrayLike],
    spoofs: tuple[ArrayLike, ArrayLike],
) -> TandemEer:
    """The concurrent t-EER; each argument has the verifier's scores, then the detector's, [trials] both.

    With both systems deciding by themselves the tandem misses Pmiss,cm + (1 - Pmiss,cm) Pmiss,asv, accepts
    (1 - Pmiss,cm) Pfa,asv of other speakers and Pfa,cm Pfa,spoof,asv of forged voices; where all three are
    equal no share of attacks changes the rate. Other speakers are bona fide to the detector. Source:
    Kinnunen et al., "t-EER: parameter-free tandem evaluation of countermeasures and biometric comparators",
    IEEE TPAMI (2023).
    """
    asv = curves(targets[0], others[0], spoofs[0])
    genuine = np.concatenate([_kind("targets", targets[1]), _kind("others", others[1])])
    forged = _kind("spoofs", spoofs[1])
    truth = np.arange(len(genuine) + len(forged)) < len(genuine)
    cm = rates.det(np.concatenate([genuine, forged]), truth)
    place = _crossing(asv, cm)
    every = np.arange(len(cm.thresholds))
    rows = np.stack(_tandem(asv, cm, place, every))
    best = int(np.argmin(rows.max(axis=0) - rows.min(axis=0)))
    return TandemEer(
        rate=float(rows[:, best].mean()),
        verifier=float(asv.thresholds[place[best]]),
        detector=float(cm.thresholds[best]),
    )


def _tandem(asv: Curves, cm: rates.Curve, asv_at: Numbers, cm_at: Numbers) -> tuple[Floats, ...]:
    """Misses, others accepted and spoofs accepted of the tandem at pairs of thresholds."""
    through = 1.0 - cm.misses[cm_at]
    return (
        1.0 - through * (1.0 - asv.misses[asv_at]),
        through * asv.others[asv_at],
        cm.alarms[cm_at] * asv.spoofs[asv_at],
    )


def _crossing(asv: Curves, cm: rates.Curve) -> Numbers:
    """For each threshold of the detector the verifier's where misses come nearest to others accepted.

    Misses only rise and others only fall with the verifier's threshold, so halving finds where they cross.
    """
    every = np.arange(len(cm.thresholds))
    low = np.zeros(len(every), np.int64)
    high = np.full(len(every), len(asv.thresholds) - 1, np.int64)

    def gap(place: Numbers) -> Floats:
        misses, others, _ = _tandem(asv, cm, place, every)
        return misses - others

    while (low < high).any():
        middle = (low + high) // 2
        crossed = gap(middle) >= 0
        low, high = np.where(crossed, low, middle + 1), np.where(crossed, middle, high)
    before = np.maximum(low - 1, 0)
    return np.where(np.abs(gap(before)) < np.abs(gap(low)), before, low)


def fuse(asv_llrs: ArrayLike, cm_llrs: ArrayLike, *, spoof_share: float) -> Floats:
    """One score [trials] of calibrated LLRs of both: -ln((1 - rho) e^(-asv) + rho e^(-cm)).

    It is the LLR of the same speaker, bona fide, against all that has to be refused, of which rho =
    `spoof_share` are forged voices. Source: Wang et al., "Revisiting and improving scoring fusion for
    spoofing-aware speaker verification using compositional data analysis" (Interspeech 2024).
    """
    rho = probability("spoof_share", spoof_share)
    asv, cm = np.asarray(asv_llrs, np.float64), np.asarray(cm_llrs, np.float64)
    return -np.logaddexp(math.log1p(-rho) - asv, math.log(rho) - cm)


def _named(
    targets: ArrayLike, others: ArrayLike, spoofs: ArrayLike
) -> tuple[tuple[str, ArrayLike], ...]:
    return ("targets", targets), ("others", others), ("spoofs", spoofs)


def _kind(name: str, scores: ArrayLike) -> Floats:
    values = vector(name, scores)
    if not len(values):
        raise ManifestError(
            f"there are no trials of {name}: no rate follows from the other kinds alone"
        )
    return values
