"""Scores of embeddings: cosine, AS-norm by a cohort, PLDA, and the way to a file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.errors import BundleError, ManifestError
from sonant.speakers import scorers
from sonant.speakers.scorers import COSINE, Kind
from sonant.verification import norms, rates

SIZE = 6


def voices(speakers: int, each: int, *, seed: int) -> tuple[NDArray[np.float64], list[str]]:
    """Embeddings of speakers that lie `each` times about a place of their own."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(speakers, 1, SIZE))
    rows = places + 0.3 * rng.normal(size=(speakers, each, SIZE))
    names = [f"s{number}" for number in range(speakers) for _ in range(each)]
    return norms.unit(rows.reshape(-1, SIZE)), names


@pytest.mark.parametrize("kind", scorers.KINDS)
def test_every_scorer_tells_speakers_apart_whom_it_never_saw(kind: Kind) -> None:
    scorer = scorers.fit(kind, *voices(40, 4, seed=1))
    rows, names = voices(20, 4, seed=2)
    left, right = np.triu_indices(len(rows), k=1)
    same = np.array(names)[left] == np.array(names)[right]
    assert scorer.kind == kind
    assert rates.eer(scorer.scores(rows[left], rows[right]), same) < 0.15
    assert scorer.scores(rows[right], rows[left]) == pytest.approx(
        scorer.scores(rows[left], rows[right])
    )


def test_as_norm_is_that_of_the_library_on_the_middles_of_speakers() -> None:
    rows, names = voices(12, 3, seed=3)
    trials = voices(2, 2, seed=4)[0]
    scorer = scorers.fit("as-norm", rows, names, top=5)
    order = sorted(set(names))
    middles = np.stack([rows[np.array(names) == name].mean(axis=0) for name in order])
    tables = [norms.cosine_table(side, middles) for side in (trials[:2], trials[2:])]
    cosines = norms.cosines(trials[:2], trials[2:])
    want = norms.as_norm(cosines, *tables, top=5)
    assert scorer.scores(trials[:2], trials[2:]) == pytest.approx(want)


@pytest.mark.parametrize("kind", ["as-norm", "plda"])
def test_a_file_gives_the_same_scorer(kind: Kind, tmp_path: Path) -> None:
    scorer = scorers.fit(kind, *voices(15, 3, seed=5))
    np.savez(tmp_path / "scoring.npz", allow_pickle=False, **scorer.arrays())
    again = scorers.load(kind, tmp_path / "scoring.npz")
    rows = voices(4, 1, seed=6)[0]
    assert again.scores(rows[:2], rows[2:]) == pytest.approx(
        scorer.scores(rows[:2], rows[2:]), rel=1e-4
    )


def test_a_file_of_another_scorer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scoring.npz"
    np.savez(file, cohort=np.eye(3), top=np.array(2))
    with pytest.raises(BundleError, match="is no plda scorer"):
        scorers.load("plda", file)
    with pytest.raises(BundleError, match="knows no scorer 'magic'"):
        scorers.load("magic", file)
    file.write_bytes(b"no zip")
    with pytest.raises(BundleError, match="cannot be read"):
        scorers.load("as-norm", file)


def test_a_cohort_of_few_or_of_single_clips_is_refused_where_it_cannot_do() -> None:
    with pytest.raises(ManifestError, match="the cohort has 3 speakers"):
        scorers.fit("as-norm", *voices(3, 5, seed=7))
    with pytest.raises(ManifestError, match="PLDA learns from two or more"):
        scorers.fit("plda", *voices(20, 1, seed=8))
    assert scorers.fit("cosine", np.zeros((0, SIZE)), []) is COSINE
