"""Cosines of embeddings, and scores made comparable by what each side scores against strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sonant.verification.checks import Floats, matrix, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What recordings score against the nearest of a cohort, [recordings] each."""

    mean: Floats
    deviation: Floats
    """Standard deviation, above 0."""


def cosines(left: ArrayLike, right: ArrayLike) -> Floats:
    """Cosine of each row of `left` with that of `right`, [trials, size] both, as [trials] from -1 to 1.

    Raises `ValueError` for embeddings of length 0, and for rows that are not as many.
    """
    one, two = unit(left), unit(right)
    if one.shape != two.shape:
        raise ValueError(f"embeddings {one.shape} beside {two.shape}; want one row a trial in both")
    return np.asarray(np.clip(np.einsum("ts,ts->t", one, two), -1.0, 1.0))


def cosine_table(left: ArrayLike, right: ArrayLike) -> Floats:
    """Cosine of every row of `left` with every row of `right`, [left, right]."""
    return np.asarray(np.clip(unit(left) @ unit(right).T, -1.0, 1.0))


def unit(embeddings: ArrayLike) -> Floats:
    """Embeddings [rows, size] with a length of 1; raises `ValueError` for one of length 0."""
    rows = matrix("embeddings", embeddings)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError(f"embedding {int(np.argmin(lengths))} is all zeros and points nowhere")
    return np.asarray(rows / lengths)


def moments(cohort: ArrayLike, *, top: int) -> Moments:
    """Mean and deviation of the `top` highest scores of each recording, [recordings, cohort].

    Raises `ValueError` where the cohort is smaller than `top`, `top` under 2, or the highest scores are
    equal.
    """
    table = matrix("scores against the cohort", cohort)
    if not 2 <= top <= table.shape[1]:
        raise ValueError(
            f"top is {top}, and the cohort has {table.shape[1]} recordings; want 2 or more, and "
            "no more than that"
        )
    highest = np.partition(table, table.shape[1] - top, axis=1)[:, -top:]
    mean, deviation = highest.mean(axis=1), highest.std(axis=1)
    if (deviation <= 1e-12 * (1.0 + np.abs(mean))).any():
        raise ValueError(
            f"recording {int(np.argmin(deviation))} scores alike with its {top} nearest of the cohort; "
            "it needs recordings that differ"
        )
    return Moments(mean=mean, deviation=deviation)


def normalise(scores: ArrayLike, *, left: Moments, right: Moments) -> Floats:
    """Mean of a score's distances from both cohorts in their deviations, [trials].

    ((s - left.mean) / left.deviation + (s - right.mean) / right.deviation) / 2, one row of moments a trial.
    Source: as `as_norm`.
    """
    values = vector("scores", scores)
    if not len(values) == len(left.mean) == len(right.mean):
        raise ValueError(
            f"{len(values)} scores beside moments of {len(left.mean)} left and {len(right.mean)} right sides"
        )
    from_left = (values - left.mean) / left.deviation
    return np.asarray((from_left + (values - right.mean) / right.deviation) / 2.0)


def as_norm(
    scores: ArrayLike, left_cohort: ArrayLike, right_cohort: ArrayLike, *, top: int
) -> Floats:
    """Adaptive symmetric normalisation of scores [trials] by the `top` nearest of a cohort.

    The cohorts are [trials, cohort]: what the left, and what the right, of each trial scores against
    recordings of other speakers. With `top` as large as the cohort this is S-norm. Raises as `moments`.
    Source: Matějka et al., "Analysis of score normalization in multilingual speaker recognition",
    Interspeech 2017 (AS-norm1).
    """
    left, right = moments(left_cohort, top=top), moments(right_cohort, top=top)
    return normalise(scores, left=left, right=right)
