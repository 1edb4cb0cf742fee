"""How good answers are, in numbers: pure functions of numpy arrays.

`truth` and `predicted` are label numbers from 0, [clips]; `probabilities` are [clips, labels].
A share of nothing (0/0) is 0.0 in `per_class`, and nan where a whole figure is asked of no clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

SMALLEST = float(np.finfo(np.float32).tiny)
"""What a probability of 0 counts as in a logarithm, 1.2e-38: 87 nats instead of infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerClass:
    """Figures of each label, [labels] each; 0/0 is 0.0."""

    precision: Floats
    """Of the clips answered with the label, the share that has it: TP / (TP + FP)."""
    recall: Floats
    """Of the clips that have the label, the share answered with it: TP / (TP + FN)."""
    f1: Floats
    """Harmonic mean of both: 2 TP / (2 TP + FP + FN)."""
    support: Counts
    """Clips that have the label: TP + FN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How often answers of like probability are right, [bins] each; 0.0 in a bin without clips."""

    edges: Floats
    """[bins + 1] from 0 to 1; a bin holds what is above its lower edge, up to its upper one."""
    confidence: Floats
    """Mean probability of the answers in the bin."""
    accuracy: Floats
    """Share of them that is right."""
    clips: Counts
    """How many there are."""


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of clips answered with their label: sum(truth == predicted) / clips."""
    truth, predicted = _integers(truth), _integers(predicted)
    _same_length(truth, predicted)
    return float(np.mean(truth == predicted)) if len(truth) else float("nan")


def confusion(truth: ArrayLike, predicted: ArrayLike, *, labels: int) -> Counts:
    """Count answers: C[t, p] is how many clips of label t were answered with p, [labels, labels].

    Raises `ValueError` for a label number outside 0 to labels - 1.
    """
    truth, predicted = _integers(truth), _integers(predicted)
    _same_length(truth, predicted)
    for numbers in (truth, predicted):
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < labels:
            raise ValueError(
                f"label numbers from {numbers.min()} to {numbers.max()} "
                f"do not fit 0 to {labels - 1}"
            )
    counts = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return counts.reshape(labels, labels).astype(np.int64)


def per_class(confusion: Counts) -> PerClass:
    """Precision, recall, F1 and number of clips of each label, from counts [labels, labels]."""
    right = np.diagonal(confusion)
    answered, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return PerClass(
        precision=_share(right, answered),
        recall=_share(right, support),
        f1=_share(2 * right, answered + support),
        support=support,
    )


def macro_f1(confusion: Counts) -> float:
    """Mean F1 of the labels that occur or were answered: sum(F1) / labels.

    A label that does neither has no F1 (0/0) and is left out. nan without clips.
    """
    seen = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return float(per_class(confusion).f1[seen].mean()) if seen.any() else float("nan")


def weighted_f1(confusion: Counts) -> float:
    """Mean F1 weighted by clips: sum(F1 * support) / sum(support). nan without clips."""
    scores = per_class(confusion)
    total = int(scores.support.sum())
    return float(scores.f1 @ scores.support / total) if total else float("nan")


def top_confusions(confusion: Counts, *, n: int) -> list[tuple[int, int, int]]:
    """List the n largest wrong entries as (truth, predicted, count), most frequent first.

    Equal counts stand in order of truth, then of predicted; entries of 0 are not listed.
    """
    wrong = confusion - np.diag(np.diagonal(confusion))
    rows, columns = np.nonzero(wrong)
    order = np.argsort(-wrong[rows, columns], kind="stable")[:n]
    return [(int(rows[i]), int(columns[i]), int(wrong[rows[i], columns[i]])) for i in order]


def reliability(probabilities: ArrayLike, truth: ArrayLike, *, bins: int = 15) -> Reliability:
    """Sort answers by their probability into bins of equal width, and see how many are right.

    A clip's confidence is max(probabilities), its answer is argmax (the first of equals).
    """
    table, numbers = _table(probabilities, truth)
    confidence = table.max(axis=1) if len(table) else np.empty(0)
    right = table.argmax(axis=1) == numbers if len(table) else np.empty(0, bool)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    clips = np.bincount(place, minlength=bins)
    return Reliability(
        edges=edges,
        confidence=_share(np.bincount(place, weights=confidence, minlength=bins), clips),
        accuracy=_share(np.bincount(place, weights=right, minlength=bins), clips),
        clips=clips.astype(np.int64),
    )


def calibration_error(probabilities: ArrayLike, truth: ArrayLike, *, bins: int = 15) -> float:
    """Expected calibration error: sum over bins b of (n_b / n) * |accuracy_b - confidence_b|.

    Bins of equal width. nan without clips. Source: Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, equation 3.
    """
    curve = reliability(probabilities, truth, bins=bins)
    total = int(curve.clips.sum())
    gap = np.abs(curve.accuracy - curve.confidence)
    return float(gap @ curve.clips / total) if total else float("nan")


def negative_log_likelihood(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """Mean of -ln p(truth), in nats: -sum(ln p[clip, truth]) / clips. nan without clips.

    A probability under `SMALLEST` counts as `SMALLEST`, so that one clip cannot make it infinite.
    """
    table, numbers = _table(probabilities, truth)
    chosen = table[np.arange(len(numbers)), numbers]
    return float(-np.log(np.maximum(chosen, SMALLEST)).mean()) if len(numbers) else float("nan")


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a share, from independent trials.

    With p = successes / n and z the normal quantile of (1 + confidence) / 2:
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n). No trials give (0, 1).
    Source: Wilson, "Probable Inference", JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    z, p = NormalDist().inv_cdf((1 + confidence) / 2), successes / n
    middle = p + z * z / (2 * n)
    reach = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    scale = 1 + z * z / n
    # Rounding must not push the bound past the share itself where nothing, or all, succeeded.
    return max(0.0, min(p, (middle - reach) / scale)), min(1.0, max(p, (middle + reach) / scale))


def bootstrap_interval(
    correct: ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    confidence: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bounds of an accuracy: percentiles of the accuracy of `rounds` redrawn sets of clips.

    `correct` is [clips] of bool. Each round draws as many groups as there are, with replacement,
    and takes all clips of a group together: sum(right) / sum(clips); the bounds are the
    percentiles (1 -+ confidence) / 2. Groups hold clips that are not independent, such as those
    of one speaker; None takes each clip by itself. (nan, nan) without clips.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    right = np.asarray(correct, dtype=bool)
    if len(right) == 0:
        return float("nan"), float("nan")
    kinds, drawn = _kinds(right, groups)
    # Groups with the same (right, clips) are alike: how often each kind is drawn is multinomial,
    # and a round costs as much as there are kinds, not clips.
    total = int(drawn.sum())
    draws = np.random.default_rng(seed).multinomial(total, drawn / total, size=rounds)
    rates = (draws @ kinds[:, 0]) / (draws @ kinds[:, 1])
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _kinds(right: NDArray[np.bool_], groups: Sequence[str] | None) -> tuple[Counts, Counts]:
    """Each (right, clips) found in a group, [kinds, 2], and how many groups have it, [kinds]."""
    number = np.arange(len(right))
    if groups is not None:
        _same_length(right, groups)
        number = np.unique(np.asarray(groups), return_inverse=True)[1]
    pairs = np.stack([np.bincount(number, weights=right), np.bincount(number)], axis=1)
    kinds, count = np.unique(pairs.astype(np.int64), axis=0, return_counts=True)
    return kinds, count


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """part / whole, and 0.0 where the whole is 0."""
    share: Floats = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return share


def _integers(numbers: ArrayLike) -> Counts:
    """Label numbers as [clips] of int64; an empty list has no type of its own."""
    found = np.asarray(numbers)
    return found.astype(np.int64, casting="same_kind") if found.size else np.empty(0, np.int64)


def _table(probabilities: ArrayLike, truth: ArrayLike) -> tuple[Floats, Counts]:
    """Probabilities [clips, labels] as float64 and truth [clips] as integers, of one length."""
    table, numbers = np.asarray(probabilities, dtype=np.float64), _integers(truth)
    _same_length(table, numbers)
    return table, numbers


def _same_length(left: Sequence[Any] | NDArray[Any], right: Sequence[Any] | NDArray[Any]) -> None:
    if len(left) != len(right):
        raise ValueError(f"{len(left)} clips beside {len(right)}; both must be as many")
