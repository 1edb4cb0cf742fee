"""Bounds of a rate from redrawn speakers: they cover, they shrink, and they know who speaks."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from sonant.errors import ManifestError
from sonant.verification import rates
from sonant.verification.intervals import difference, interval

Speakers = tuple[list[str], list[str]]


def material(
    *, speakers: int, seed: int, spread: float = 0.8
) -> tuple[np.ndarray, np.ndarray, Speakers]:
    """Six own trials a speaker and six with others; speakers differ in how well they are told apart."""
    random = np.random.default_rng(seed)
    ease = random.normal(scale=spread, size=speakers)
    left = np.repeat(np.arange(speakers), 12)
    right = np.where(
        np.arange(len(left)) % 2 == 0, left, (left + 1 + np.arange(len(left)) % 5) % speakers
    )
    same = left == right
    scores = random.normal(size=len(left)) + np.where(same, 2.0 + ease[left], 0.0)
    return scores, same, ([f"s{n}" for n in left], [f"s{n}" for n in right])


def test_the_value_lies_between_the_bounds_and_is_that_of_all_trials() -> None:
    scores, same, speakers = material(speakers=20, seed=1)
    found = interval(rates.eer, scores, same, speakers=speakers, rounds=200)
    assert found.low < found.value < found.high
    assert found.value == rates.eer(scores, same)
    assert found.rounds == 200


def test_the_same_seed_gives_the_same_bounds_and_another_others() -> None:
    scores, same, speakers = material(speakers=12, seed=2)
    bounds = partial(interval, rates.eer, scores, same, speakers=speakers, rounds=60)
    assert bounds() == bounds()
    assert bounds() != bounds(seed=1)


def test_more_speakers_bring_the_bounds_together() -> None:
    few, many = (
        interval(rates.eer, scores, same, speakers=speakers, rounds=200)
        for scores, same, speakers in (material(speakers=n, seed=3) for n in (10, 160))
    )
    assert many.high - many.low < 0.6 * (few.high - few.low)


def test_speakers_that_differ_make_a_rate_less_sure_than_its_trials_suggest() -> None:
    scores, same, speakers = material(speakers=40, seed=4, spread=2.0)
    alone = [f"t{n}" for n in range(len(scores))]
    partners = [name if truth else f"u{name}" for name, truth in zip(alone, same, strict=True)]
    by_speaker = interval(rates.eer, scores, same, speakers=speakers, rounds=200)
    by_trial = interval(rates.eer, scores, same, speakers=(alone, partners), rounds=200)
    assert by_speaker.high - by_speaker.low > 1.2 * (by_trial.high - by_trial.low)


def test_they_hold_the_rate_of_all_speakers_about_as_often_as_they_say() -> None:
    scores, same, _ = material(speakers=4000, seed=0)
    truth = rates.eer(scores, same)
    held = 0
    for seed in range(1, 41):
        found = material(speakers=30, seed=seed)
        bounds = interval(rates.eer, *found[:2], speakers=found[2], rounds=150, confidence=0.8)
        held += bounds.low <= truth <= bounds.high
    # 32 of 40 are promised; 24 to 39 are within what chance does.
    assert 24 <= held <= 39


@pytest.mark.parametrize(
    "rate", [partial(rates.min_dcf, prior=0.05), rates.cllr, rates.min_cllr, rates.act_dcf]
)
def test_every_rate_has_bounds(rate: rates.eer) -> None:
    scores, same, speakers = material(speakers=15, seed=5)
    found = interval(rate, scores, same, speakers=speakers, rounds=50)
    assert found.low <= found.high
    assert found.value == rate(scores, same)


def test_a_system_does_not_differ_from_itself() -> None:
    scores, same, speakers = material(speakers=15, seed=6)
    found = difference(rates.eer, scores, 2 * scores, same, speakers=speakers, rounds=50)
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


def test_a_small_but_steady_advantage_is_seen_on_the_same_trials() -> None:
    scores, same, speakers = material(speakers=60, seed=7)
    better = scores + 0.5 * same
    found = difference(rates.eer, better, scores, same, speakers=speakers, rounds=200)
    assert found.high < 0.0
    one, two = (
        interval(rates.eer, part, same, speakers=speakers, rounds=200) for part in (better, scores)
    )
    assert found.high - found.low < (one.high - one.low) + (two.high - two.low)


def test_rounds_without_both_kinds_do_not_count() -> None:
    # Two speakers: where one of them is drawn twice there is no pair of both.
    found = interval(
        rates.eer,
        [1.0, 1.2, 0.0, 0.3],
        [1, 1, 0, 0],
        speakers=(["a", "b", "a", "b"], ["a", "b", "b", "a"]),
        rounds=40,
    )
    assert 0 < found.rounds < 40


@pytest.mark.parametrize(
    ("speakers", "error", "message"),
    [
        ((["a", ""], ["a", "b"]), ManifestError, "do not say who speaks"),
        ((["a", "a"], ["a", "a"]), ManifestError, "no two speakers"),
        ((["a"], ["a", "b"]), ValueError, "2 trials beside 1 left and 2 right"),
    ],
)
def test_speakers_have_to_be_known(
    speakers: Speakers, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        interval(rates.eer, [0.0, 1.0], [1, 0], speakers=speakers)
