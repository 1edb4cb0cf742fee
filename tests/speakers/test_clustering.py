"""How many speakers there are, and who is whose, on made-up voices."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from sonant.errors import MissingExtra, StoreError
from sonant.speakers.agreement import agreement
from sonant.speakers.clustering import Method, cluster
from voices import voice

METHODS: tuple[Method, ...] = ("agglomerative", "spectral")


def pile(sizes: Sequence[int], *, spread: float = 0.08) -> tuple[np.ndarray, list[int]]:
    """Clips of so many speakers, `sizes` of each, shuffled; and who speaks in each."""
    vectors = np.concatenate(
        [voice(who, utterances=size, size=64, spread=spread) for who, size in enumerate(sizes)]
    )
    truth = [who for who, size in enumerate(sizes) for _ in range(size)]
    order = np.random.default_rng(3).permutation(len(truth))
    return vectors[order], [truth[place] for place in order]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sizes", [(12, 12), (9, 15, 12), (10, 10, 10, 10, 10, 10), (14,)])
def test_the_number_of_speakers_is_found(method: Method, sizes: Sequence[int]) -> None:
    vectors, truth = pile(sizes)
    found = cluster(vectors, method=method)
    assert found.count == len(sizes)
    assert agreement(truth, found.labels.tolist()).v_measure == pytest.approx(1.0)
    assert found.confidence.min() > 0.2


@pytest.mark.parametrize("method", METHODS)
def test_the_number_can_be_given_or_bounded(method: Method) -> None:
    vectors, truth = pile((12, 12, 12))
    for exactly in (1, 2, 3, 5, len(vectors)):
        assert cluster(vectors, method=method, exactly=exactly).count == exactly
    assert cluster(vectors, method=method, least=5).count >= 5
    assert cluster(vectors, method=method, most=2).count <= 2
    bounded = cluster(vectors, method=method, least=2, most=6)
    assert bounded.count == 3
    assert agreement(truth, bounded.labels.tolist()).purity == 1.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("clips", [1, 2, 3])
def test_few_clips_are_clustered_too(method: Method, clips: int) -> None:
    vectors = np.concatenate([voice(number, utterances=1, size=64) for number in range(clips)])
    assert 1 <= cluster(vectors, method=method).count <= clips
    assert cluster(vectors, method=method, exactly=clips).count == clips


def test_a_threshold_is_kept_to() -> None:
    vectors, _ = pile((8, 8))
    assert cluster(vectors, threshold=-1.0).count == 1
    assert cluster(vectors, threshold=1.0).count == 16
    assert cluster(vectors, threshold=0.4).count == 2
    assert cluster(vectors, threshold=-1.0, least=3).count == 3
    with pytest.raises(StoreError, match="spectral clustering takes none"):
        cluster(vectors, method="spectral", threshold=0.4)


def test_a_stray_clip_joins_its_neighbours_where_small_clusters_are_not_wanted() -> None:
    vectors, truth = pile((10, 10, 1))
    alone = cluster(vectors, threshold=0.4)
    assert alone.count == 3
    joined = cluster(vectors, threshold=0.4, smallest=2)
    assert joined.count == 2
    assert agreement(truth, joined.labels.tolist()).purity == pytest.approx(20 / 21)
    stray = truth.index(2)
    assert joined.confidence[stray] == joined.confidence.min()
    assert cluster(vectors, threshold=0.4, smallest=2, least=3).count == 3


def test_a_clip_between_two_voices_is_the_least_certain() -> None:
    one, other = voice(1, utterances=6, size=64), voice(2, utterances=6, size=64)
    between = one.mean(axis=0) + other.mean(axis=0)
    found = cluster(np.concatenate([one, other, between[None]]), exactly=2)
    assert found.confidence.argmin() == 12
    assert found.confidence[12] < 0.3 < np.delete(found.confidence, 12).min()


@pytest.mark.parametrize("method", METHODS)
def test_clusters_are_numbered_by_first_appearance_and_the_same_every_time(method: Method) -> None:
    vectors, _ = pile((9, 9, 9))
    first, again = cluster(vectors, method=method), cluster(vectors, method=method)
    np.testing.assert_array_equal(first.labels, again.labels)
    seen = list(dict.fromkeys(first.labels.tolist()))
    assert seen == sorted(seen)
    other = cluster(vectors[::-1], method=method)
    assert agreement(first.labels[::-1].tolist(), other.labels.tolist()).v_measure == 1.0


@pytest.mark.parametrize(
    "numbers",
    [
        {"exactly": 0},
        {"exactly": 17},
        {"least": 0},
        {"least": 5, "most": 4},
        {"least": 17},
    ],
)
def test_numbers_that_cannot_be_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(StoreError, match="no number of clusters of 16 clips"):
        cluster(pile((8, 8))[0], **numbers)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.spatial.distance", None)
    with pytest.raises(MissingExtra, match=r"sonant\[speakers\]"):
        cluster(pile((8, 8))[0])
