"""Error rates and costs of scores: EER, minDCF, Cllr, minCllr and the points of a DET curve.

All take scores and truth, [trials] each, and may be given a weight for each trial. All but `cllr` and
`act_dcf` depend on the order of the scores alone. They raise `ManifestError` where trials of one kind are
missing and `ValueError` for arrays that do not fit (`checks.scored`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sonant.verification.checks import Floats, Numbers, probability, scored
from sonant.verification.pav import least_cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What every threshold does, [points] each, thresholds rising; a score at the threshold is accepted."""

    thresholds: Floats
    """All different scores, then infinity."""
    misses: Floats
    """Share of the pairs of one person that are refused, from 0 to 1."""
    alarms: Floats
    """Share of the pairs of two persons that are accepted, from 1 to 0."""


def det(scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> Curve:
    """Misses and false alarms at every threshold.

    Source: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    values, truth, weighing = scored(scores, same, weights=weights)
    thresholds, place = np.unique(values, return_inverse=True)
    return Curve(
        thresholds=np.append(thresholds, np.inf),
        misses=_below(place, np.where(truth, weighing, 0.0)),
        alarms=1.0 - _below(place, np.where(truth, 0.0, weighing)),
    )


def eer(scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Equal error rate: where misses and false alarms are as many, on the line through the DET points.

    Between two neighbouring points both rates are interpolated, which is what tied scores cost when their
    order is left to chance; so scores that are all alike give 0.5. Source: as `det`; for ties, Fawcett, "An
    introduction to ROC analysis", Pattern Recognition Letters 27 (2006), on equally scored instances.
    """
    curve = det(scores, same, weights=weights)
    gap = curve.misses - curve.alarms
    after = int(np.argmax(gap >= 0.0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(curve.misses[before] + share * (curve.misses[after] - curve.misses[before]))


def min_dcf(
    scores: ArrayLike,
    same: ArrayLike,
    *,
    prior: float = 0.01,
    miss_cost: float = 1.0,
    alarm_cost: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    """Least detection cost of any threshold; 1 is the cost of always giving the cheaper of both answers.

    C(t) = (miss_cost * prior * misses(t) + alarm_cost * (1 - prior) * alarms(t)) / min(miss_cost * prior,
    alarm_cost * (1 - prior)), where `prior` is the probability of the same person. One false alarm among D
    trials of two persons costs (1 - prior) / (prior D): at 0.01 it takes thousands of them to say anything.
    Source: NIST 2010 Speaker Recognition Evaluation Plan, section 3 (C_Det, normalised by C_Default).
    """
    curve = det(scores, same, weights=weights)
    miss, alarm = _unit_costs(prior, miss_cost, alarm_cost)
    return float((miss * curve.misses + alarm * curve.alarms).min())


def act_dcf(
    llrs: ArrayLike,
    same: ArrayLike,
    *,
    prior: float = 0.01,
    miss_cost: float = 1.0,
    alarm_cost: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    """Detection cost, as of `min_dcf`, of LLRs at the threshold that theory gives them.

    Its distance from `min_dcf` is what calibration loses there. Source: as `min_dcf`.
    """
    values, truth, weighing = scored(llrs, same, weights=weights)
    accepted = values >= bayes_threshold(prior, miss_cost=miss_cost, alarm_cost=alarm_cost)
    miss, alarm = _unit_costs(prior, miss_cost, alarm_cost)
    missed = weighing[truth & ~accepted].sum() / weighing[truth].sum()
    alarmed = weighing[~truth & accepted].sum() / weighing[~truth].sum()
    return float(miss * missed + alarm * alarmed)


def bayes_threshold(prior: float, *, miss_cost: float = 1.0, alarm_cost: float = 1.0) -> float:
    """The LLR from which accepting costs less on average: ln(alarm_cost (1 - prior) / (miss_cost prior)).

    Source: van Leeuwen and Brümmer, "An introduction to application-independent evaluation of speaker
    recognition systems", LNAI 4343 (2007).
    """
    _unit_costs(prior, miss_cost, alarm_cost)
    return math.log(alarm_cost / miss_cost) + math.log1p(-prior) - math.log(prior)


def cllr(llrs: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Cost of log-likelihood ratios, in bits: 0 is perfect, 1 is that of LLRs that are all 0.

    (mean over same of log2(1 + e^-llr) + mean over different of log2(1 + e^llr)) / 2. Above 1 the LLRs do
    harm. Source: Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer
    Speech and Language 20 (2006), where C_llr is defined.
    """
    values, truth, weighing = scored(llrs, same, weights=weights)
    loss = np.logaddexp(0.0, np.where(truth, -values, values))
    # An infinite loss of no weight costs nothing.
    loss = np.where(weighing > 0, loss, 0.0) * weighing
    each = loss[truth].sum() / weighing[truth].sum() + loss[~truth].sum() / weighing[~truth].sum()
    return float(each / (2.0 * math.log(2.0)))


def min_cllr(scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Cllr after the best calibration that never falls with the score, in bits; at most 1.

    What is left is the fault of the order of the scores; cllr - min_cllr is that of calibration. Source:
    Brümmer and du Preez (2006), as for `cllr`; the calibration is that of `pav.optimal_llrs`.
    """
    return least_cost(scores, same, weights=weights)


def _unit_costs(prior: float, miss_cost: float, alarm_cost: float) -> tuple[float, float]:
    """What a rate of 1 costs, of misses and of alarms, over the cheaper of both."""
    probability("prior", prior)
    if miss_cost <= 0 or alarm_cost <= 0:
        raise ValueError(f"costs are {miss_cost} and {alarm_cost}, want both above 0")
    miss, alarm = miss_cost * prior, alarm_cost * (1.0 - prior)
    return miss / min(miss, alarm), alarm / min(miss, alarm)


def _below(place: Numbers, weights: Floats) -> Floats:
    """Share of the weight that lies below each threshold, and below infinity, [points]."""
    sums = np.concatenate([[0.0], np.cumsum(np.bincount(place, weights=weights))])
    return np.asarray(sums / sums[-1])
