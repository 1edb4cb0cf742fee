"""Figures agree with sums by hand, with brute force, and with what must hold for any answers."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant import metrics

answers = st.integers(1, 5).flatmap(
    lambda labels: st.tuples(
        st.just(labels),
        st.lists(
            st.tuples(st.integers(0, labels - 1), st.integers(0, labels - 1)),
            min_size=1,
            max_size=40,
        ),
    )
)
"""A number of labels, and (truth, predicted) of some clips."""

BY_HAND = np.array([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
"""Two labels with clips, and one that neither occurs nor is answered."""


def random_table(*, clips: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [clips, labels] and labels [clips] that follow them loosely."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(labels, 0.4), clips)
    right = rng.random(clips) < 0.7
    return table, np.where(right, table.argmax(axis=1), rng.integers(0, labels, clips))


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert metrics.accuracy([0, 1, 2, 2], [0, 1, 1, 2]) == 0.75


def test_figures_of_no_clips_are_not_numbers() -> None:
    none = np.zeros((2, 2), np.int64)
    assert math.isnan(metrics.accuracy([], []))
    assert math.isnan(metrics.macro_f1(none))
    assert math.isnan(metrics.weighted_f1(none))
    assert math.isnan(metrics.calibration_error(np.empty((0, 3)), []))
    assert math.isnan(metrics.negative_log_likelihood(np.empty((0, 3)), []))
    assert all(math.isnan(bound) for bound in metrics.bootstrap_interval([]))


def test_rows_of_a_confusion_matrix_are_the_truth() -> None:
    counts = metrics.confusion([0, 0, 2], [1, 1, 2], labels=3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert counts.dtype == np.int64


def test_a_confusion_matrix_of_no_clips_is_empty() -> None:
    assert metrics.confusion([], [], labels=2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("truth", "predicted"), [([0, 3], [0, 0]), ([0, 0], [0, -1])])
def test_a_label_number_outside_is_refused(truth: list[int], predicted: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fit 0 to 2"):
        metrics.confusion(truth, predicted, labels=3)


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 clips beside 2"):
        metrics.accuracy([0, 1, 1], [0, 1])


@given(answers)
@settings(deadline=None)
def test_a_confusion_matrix_counts_every_clip_once(case: tuple[int, list[tuple[int, int]]]) -> None:
    labels, pairs = case
    truth, predicted = map(list, zip(*pairs, strict=True))
    counts = metrics.confusion(truth, predicted, labels=labels)
    for said, heard in itertools.product(range(labels), repeat=2):
        assert counts[said, heard] == pairs.count((said, heard))
    assert metrics.accuracy(truth, predicted) == pytest.approx(np.trace(counts) / len(pairs))


def test_per_class_figures_by_hand() -> None:
    scores = metrics.per_class(BY_HAND)
    assert scores.precision.tolist() == pytest.approx([3 / 5, 4 / 5, 0.0])
    assert scores.recall.tolist() == pytest.approx([3 / 4, 4 / 6, 0.0])
    assert scores.f1.tolist() == pytest.approx([2 / 3, 8 / 11, 0.0])
    assert scores.support.tolist() == [4, 6, 0]


def test_a_label_that_is_nowhere_does_not_lower_the_macro_f1() -> None:
    assert metrics.macro_f1(BY_HAND) == pytest.approx((2 / 3 + 8 / 11) / 2)


def test_a_label_that_is_only_answered_does_lower_it() -> None:
    counts = np.array([[1, 1], [0, 0]])
    assert metrics.macro_f1(counts) == pytest.approx((2 / 3 + 0) / 2)


def test_the_weighted_f1_counts_labels_by_their_clips() -> None:
    assert metrics.weighted_f1(BY_HAND) == pytest.approx((4 * 2 / 3 + 6 * 8 / 11) / 10)


@given(answers)
@settings(deadline=None)
def test_per_class_figures_by_counting(case: tuple[int, list[tuple[int, int]]]) -> None:
    labels, pairs = case
    truth, predicted = map(list, zip(*pairs, strict=True))
    scores = metrics.per_class(metrics.confusion(truth, predicted, labels=labels))
    for label in range(labels):
        hits = pairs.count((label, label))
        heard, said = predicted.count(label), truth.count(label)
        precision = hits / heard if heard else 0.0
        recall = hits / said if said else 0.0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        assert scores.precision[label] == pytest.approx(precision)
        assert scores.recall[label] == pytest.approx(recall)
        assert scores.f1[label] == pytest.approx(f1)
        assert scores.support[label] == said


def test_top_confusions_come_most_frequent_first_then_in_label_order() -> None:
    counts = np.array([[9, 1, 2], [5, 9, 0], [2, 1, 9]])
    assert metrics.top_confusions(counts, n=4) == [(1, 0, 5), (0, 2, 2), (2, 0, 2), (0, 1, 1)]


def test_top_confusions_name_no_zeros_and_no_right_answers() -> None:
    assert metrics.top_confusions(np.diag([5, 5]), n=3) == []


def test_the_calibration_error_by_hand() -> None:
    # Two bins: 0.45 (right), and 0.6, 0.8, 1.0 of which one is right.
    table = [[0.45, 0.3, 0.25], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
    expected = 1 / 4 * abs(1 - 0.45) + 3 / 4 * abs(1 / 3 - 0.8)
    assert metrics.calibration_error(table, [0, 1, 1, 2], bins=2) == pytest.approx(expected)


def test_answers_that_are_as_often_right_as_they_say_are_calibrated() -> None:
    table = np.tile([0.75, 0.25], (400, 1))
    truth = np.repeat([0, 0, 0, 1], 100)
    assert metrics.calibration_error(table, truth) == pytest.approx(0.0, abs=1e-12)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(1, 20), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_the_calibration_error_clip_by_clip(clips: int, labels: int, bins: int, seed: int) -> None:
    table, truth = random_table(clips=clips, labels=labels, seed=seed)
    edges = np.linspace(0, 1, bins + 1)
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        inside = [i for i in range(clips) if low < table[i].max() <= high]
        if inside:
            sure = np.mean([table[i].max() for i in inside])
            right = np.mean([table[i].argmax() == truth[i] for i in inside])
            expected += len(inside) / clips * abs(right - sure)
    assert metrics.calibration_error(table, truth, bins=bins) == pytest.approx(expected)


def test_a_probability_on_an_edge_belongs_below_it_and_one_to_the_last_bin() -> None:
    curve = metrics.reliability([[0.5, 0.5], [1.0, 0.0]], [0, 1], bins=2)
    assert curve.clips.tolist() == [1, 1]
    assert curve.accuracy.tolist() == [1.0, 0.0]
    assert curve.confidence.tolist() == [0.5, 1.0]
    assert curve.edges.tolist() == [0.0, 0.5, 1.0]


def test_log_likelihood_by_hand() -> None:
    table = [[0.5, 0.5], [0.1, 0.9]]
    expected = -(math.log(0.5) + math.log(0.1)) / 2
    assert metrics.negative_log_likelihood(table, [1, 0]) == pytest.approx(expected)


def test_an_impossible_answer_costs_much_but_not_infinitely() -> None:
    assert metrics.negative_log_likelihood([[1.0, 0.0]], [1]) == pytest.approx(87.3, abs=0.1)


def test_the_wilson_interval_as_published() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    assert metrics.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert metrics.wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert metrics.wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert metrics.wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_the_wilson_interval_of_nothing_is_everything() -> None:
    assert metrics.wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 400), st.data(), st.floats(0.5, 0.999))
@settings(deadline=None)
def test_wilson_bounds_are_where_the_score_test_just_rejects(
    n: int, data: st.DataObject, confidence: float
) -> None:
    hits = data.draw(st.integers(0, n))
    low, high = metrics.wilson_interval(hits, n, confidence=confidence)
    assert 0 <= low <= hits / n <= high <= 1
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for bound in (low, high):
        if 0 < bound < 1:
            assert (hits / n - bound) ** 2 == pytest.approx(z * z * bound * (1 - bound) / n)


def test_the_bootstrap_of_clips_is_that_of_a_loop() -> None:
    right = np.arange(400) < 320
    rng = np.random.default_rng(5)
    rates = [rng.choice(right, size=400).mean() for _ in range(4000)]
    expected = np.quantile(rates, [0.025, 0.975])
    assert metrics.bootstrap_interval(right, rounds=4000) == pytest.approx(expected, abs=0.004)


def test_the_bootstrap_of_speakers_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    speakers = np.repeat(np.arange(30), rng.integers(1, 12, 30))
    right = rng.random(len(speakers)) < rng.beta(6, 2, 30)[speakers]
    rates = []
    for _ in range(4000):
        drawn = np.concatenate([right[speakers == s] for s in rng.integers(0, 30, 30)])
        rates.append(drawn.mean())
    found = metrics.bootstrap_interval(right, groups=[f"s{s}" for s in speakers], rounds=4000)
    assert found == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.006)


def test_speakers_who_fail_as_a_whole_widen_the_interval() -> None:
    right = np.repeat([True, True, True, False], 25)
    speakers = [f"s{i // 5}" for i in range(100)]
    alone = np.diff(metrics.bootstrap_interval(right))
    together = np.diff(metrics.bootstrap_interval(right, groups=speakers))
    assert together > 1.8 * alone


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    right = np.arange(100) < 80
    narrow = metrics.bootstrap_interval(right, confidence=0.5)
    wide = metrics.bootstrap_interval(right, confidence=0.99)
    assert wide[0] < narrow[0] <= narrow[1] < wide[1]


def test_the_bootstrap_repeats_itself_and_ignores_the_order_of_clips() -> None:
    rng = np.random.default_rng(0)
    right, speakers = rng.random(200) < 0.8, rng.integers(0, 20, 200).astype(str)
    order = rng.permutation(200)
    first = metrics.bootstrap_interval(right, groups=list(speakers))
    assert metrics.bootstrap_interval(right[order], groups=list(speakers[order])) == first
    assert metrics.bootstrap_interval(right, groups=list(speakers), seed=1) != first


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_bootstrap_bounds_are_shares_in_order(right: list[bool], speakers: int) -> None:
    groups = [str(i % speakers) for i in range(len(right))]
    low, high = metrics.bootstrap_interval(right, groups=groups, rounds=50)
    assert 0 <= low <= high <= 1


def test_every_clip_needs_its_group() -> None:
    with pytest.raises(ValueError, match="2 clips beside 1"):
        metrics.bootstrap_interval([True, False], groups=["a"])
