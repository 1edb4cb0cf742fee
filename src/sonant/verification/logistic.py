"""Logistic regression on trials at a prior: a sum of columns that is a log-likelihood ratio."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import TrainingError
from sonant.verification.checks import Bools, Floats, matrix, probability, scored

DEVIATION: Final = 10.0
"""Prior standard deviation of a weight, in nats a standard deviation of its column: wide, but where a column
parts both kinds without a fault it keeps the weight finite. Its pull fades as trials are added."""
STEPS: Final = 200
HALVINGS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """LLR = offset + sum of weight * column."""

    weights: Mapping[str, float]
    """Nats a unit of the column, by its name."""
    offset: float
    """Nats."""
    same: int
    """Trials of one speaker that it was fitted to."""
    different: int
    """Trials of two."""


def fit(columns: Mapping[str, ArrayLike], same: ArrayLike, *, prior: float) -> Fit:
    """Fit columns [trials] so that their weighted sum is a log-likelihood ratio.

    Least prior/S * sum over same of ln(1 + e^-(llr + o)) + (1 - prior)/D * sum over different of ln(1 +
    e^(llr + o)), with o = ln(prior / (1 - prior)), S and D trials of each kind, and a Gaussian prior on the
    weights (`DEVIATION`). Newton steps, halved while they do not help. Raises `ManifestError` where trials
    of one kind are missing and `ValueError` for numbers that are not finite. Source: Brümmer et al.,
    "Fusion of heterogeneous speaker recognition systems in the STBU submission for the NIST speaker
    recognition evaluation 2006", IEEE TASLP 15 (2007), on prior-weighted logistic regression.
    """
    table = np.stack([np.asarray(column, dtype=np.float64) for column in columns.values()], axis=1)
    table = matrix("columns of trials", table)
    _, truth, _ = scored(np.zeros(len(table)), same)
    share = np.where(
        truth, prior / truth.sum(), (1.0 - probability("prior", prior)) / (~truth).sum()
    )
    mean = share @ table
    spread = np.sqrt(share @ (table - mean) ** 2)
    # A column that is always the same tells nothing: its weight stays 0.
    scale = np.where(spread > 1e-12 * (1.0 + np.abs(mean)), spread, np.inf)
    design = np.concatenate([(table - mean) / scale, np.ones((len(table), 1))], axis=1)
    found = _newton(design, truth, share, math.log(prior / (1.0 - prior)))
    weights = found[:-1] / scale
    return Fit(
        weights={name: float(w) for name, w in zip(columns, weights, strict=True)},
        offset=float(found[-1] - weights @ mean),
        same=int(truth.sum()),
        different=int((~truth).sum()),
    )


def apply(
    weights: Mapping[str, float], offset: float, columns: Mapping[str, ArrayLike], *, what: str
) -> Floats:
    """Offset plus the weighted columns; all have one shape, or are single numbers.

    Raises `ValueError`, naming `what`, where columns are missing, too many or not finite.
    """
    if columns.keys() != weights.keys():
        wants, gets = ", ".join(weights) or "none", ", ".join(columns) or "none"
        raise ValueError(f"{what} was fitted with {wants} and is given {gets}; give the same ones")
    total: Floats = np.asarray(offset, dtype=np.float64)
    for name, weight in weights.items():
        column = np.asarray(columns[name], dtype=np.float64)
        if not np.isfinite(column).all():
            raise ValueError(f"{what}: {name} holds a value that is infinite or no number")
        total = np.asarray(total + weight * column)
    return np.asarray(total)


def posterior(llr: ArrayLike, *, prior: float) -> Floats:
    """P(same speaker) by LLRs and a prior: 1 / (1 + e^-(llr + ln(prior / (1 - prior))))."""
    odds = np.asarray(llr, dtype=np.float64) + math.log(probability("prior", prior) / (1.0 - prior))
    return np.asarray(np.exp(-np.logaddexp(0.0, -odds)))


def _newton(design: Floats, truth: Bools, share: Floats, log_odds: float) -> Floats:
    """Weights of the columns of `design`, the offset last."""
    sign = np.where(truth, 1.0, -1.0)
    ridge = np.full(design.shape[1], 1.0 / (DEVIATION**2 * len(design)))
    ridge[-1] = 0.0

    def loss(weights: Floats) -> float:
        margin = sign * (design @ weights + log_odds)
        return float(share @ np.logaddexp(0.0, -margin) + 0.5 * ridge @ weights**2)

    weights: Floats = np.zeros(design.shape[1])
    for _ in range(STEPS):
        miss = np.exp(-np.logaddexp(0.0, sign * (design @ weights + log_odds)))
        slope = -design.T @ (share * sign * miss) + ridge * weights
        bend = (design * (share * miss * (1.0 - miss))[:, None]).T @ design
        step = np.asarray(np.linalg.solve(bend + np.diag(ridge + 1e-12), slope), np.float64)
        gain = float(slope @ step)
        if gain < 1e-14:
            return weights
        length = _length(loss, weights, step, gain)
        if not length:  # what is left to gain is smaller than rounding
            return weights
        weights = weights - length * step
    raise TrainingError(
        f"calibration did not settle in {STEPS} steps; look for outliers in its columns"
    )


def _length(loss: Callable[[Floats], float], weights: Floats, step: Floats, gain: float) -> float:
    """How much of a Newton step lowers the loss as it should (Armijo); 0 where nothing does."""
    before = loss(weights)
    lengths = (0.5**halving for halving in range(HALVINGS))
    fits = (n for n in lengths if loss(weights - n * step) <= before - 1e-4 * n * gain)
    return next(fits, 0.0)
