"""Attacks by scores alone: they climb, they count, and they stop where they were told to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from linear_victim import Linear, clips
from sonant.attacks.black_box import Guessing, nes, threshold_of
from sonant.attacks.bounds import Bound
from sonant.attacks.oracle import Answers, Oracle, Spent
from sonant.errors import SonantError

QUICK = Guessing(samples=20, rate=0.005, steps=60)


def verifier(threshold: float) -> tuple[Linear, Oracle]:
    """Accepts what is more like its first pattern than `threshold`."""
    prey = Linear()

    def ask(samples: Tensor) -> Answers:
        scores = prey(samples)[:, 0]
        return Answers(scores, scores > threshold)

    return prey, Oracle(ask, budget=100_000, batch=16)


def test_the_score_climbs_until_the_model_gives_in() -> None:
    clean = clips(1)
    before = float(Linear()(clean)[:, 0])
    victim, oracle = verifier(before + 10.0)
    pushed = nes(oracle, clean, bound=Bound(epsilon=0.1), guessing=QUICK)
    assert pushed.got
    assert pushed.score > before + 10.0
    assert float(victim(pushed.changed)[:, 0]) == pytest.approx(pushed.score)
    assert (pushed.changed - clean).abs().max() <= 0.1 + 1e-6


def test_every_question_is_counted() -> None:
    victim, oracle = verifier(1e9)
    pushed = nes(oracle, clips(1), bound=Bound(), guessing=Guessing(samples=10, steps=7))
    assert pushed.queries == oracle.queries == victim.asked == 1 + 7 * 11
    assert not pushed.got


def test_a_budget_ends_it_with_the_best_so_far() -> None:
    victim = Linear()
    oracle = Oracle(
        lambda x: Answers(victim(x)[:, 0], torch.zeros(len(x), dtype=torch.bool)), budget=50
    )
    clean = clips(1)
    pushed = nes(oracle, clean, bound=Bound(epsilon=0.1), guessing=QUICK)
    assert oracle.queries <= 50
    assert not pushed.got
    assert pushed.score > float(victim(clean)[:, 0])
    with pytest.raises(Spent, match="of 50 queries are used"):
        oracle(clips(50))


def test_who_is_accepted_at_once_is_left_as_he_is() -> None:
    _, oracle = verifier(-1e9)
    clean = clips(1)
    pushed = nes(oracle, clean, bound=Bound())
    assert pushed.got
    assert pushed.queries == 1
    assert torch.equal(pushed.changed, clean)


def test_a_hidden_threshold_is_found_to_within_a_step() -> None:
    clean = clips(1)
    hidden = float(Linear()(clean)[:, 0]) + 12.0
    _, oracle = verifier(hidden)
    found = threshold_of(oracle, clean, guessing=QUICK, loudest=0.2)
    assert found is not None
    longest_step = QUICK.rate * float(Linear().patterns[0].abs().sum())
    assert hidden < found < hidden + longest_step


def test_a_verifier_that_never_accepts_has_no_threshold_to_find() -> None:
    _, oracle = verifier(1e9)
    assert threshold_of(oracle, clips(1), guessing=Guessing(samples=10, steps=3)) is None


@pytest.mark.parametrize("settings", [{"samples": 3}, {"samples": 0}, {"rate": 1e-9}, {"sigma": 0}])
def test_settings_that_cannot_climb_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SonantError):
        Guessing(**settings)
