"""The parts of spectral clustering that stand by themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.speakers.spectral import cluster, k_means
from voices import voice


def test_k_means_finds_separate_heaps() -> None:
    draws = np.random.default_rng(0)
    heaps = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    points = np.repeat(heaps, 7, axis=0) + 0.3 * draws.standard_normal((28, 2))
    labels = k_means(points, 4).reshape(4, 7)
    assert all(len(set(heap)) == 1 for heap in labels.tolist())
    assert len(set(labels[:, 0].tolist())) == 4


@settings(max_examples=30, deadline=None)
@given(points=st.integers(1, 12), count=st.integers(1, 12), seed=st.integers(0, 99))
def test_k_means_never_leaves_a_point_nearer_to_another_middle(
    points: int, count: int, seed: int
) -> None:
    values = np.random.default_rng(seed).standard_normal((points, 2))
    labels = k_means(values, min(count, points))
    assert len(set(labels.tolist())) == min(count, points)
    middles = {one: values[labels == one].mean(axis=0) for one in set(labels.tolist())}
    for value, label in zip(values, labels, strict=True):
        own = np.square(value - middles[label]).sum()
        assert all(own <= np.square(value - other).sum() + 1e-9 for other in middles.values())


def test_the_number_stays_within_its_limits() -> None:
    vectors = np.concatenate([voice(who, utterances=8, size=64) for who in range(3)])
    for limits in ((1, 24), (2, 4), (4, 6), (1, 2), (24, 24)):
        found = len(set(cluster(vectors, limits=limits).tolist()))
        assert limits[0] <= found <= limits[1]
