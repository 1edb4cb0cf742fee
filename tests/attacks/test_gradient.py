"""White-box attacks, on victims whose best answer is known and on a real network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from linear_victim import SAMPLES, Linear, clips
from sonant.attacks.bounds import Bound, snr_db
from sonant.attacks.gradient import adam_pgd, fgsm, pgd, slope
from sonant.attacks.objectives import away_from, expected, jointly, straight_through, towards
from sonant.errors import SonantError

BOUND = Bound(epsilon=0.01)


def test_one_step_finds_the_best_change_of_a_linear_victim() -> None:
    victim, clean = Linear(answers=2), clips()
    targets = torch.tensor([0, 1, 0, 1])
    wanted = victim.patterns[targets] - victim.patterns[1 - targets]
    changed = fgsm(towards(victim, targets), clean, bound=BOUND)
    torch.testing.assert_close(changed, clean + 0.01 * wanted.sign().unsqueeze(1))


def test_descent_within_a_ratio_goes_straight_along_the_gradient() -> None:
    victim, clean = Linear(answers=2), clips()
    targets = torch.tensor([0, 1, 0, 1])
    wanted = (victim.patterns[targets] - victim.patterns[1 - targets]).unsqueeze(1)
    changed = pgd(towards(victim, targets), clean, bound=Bound(epsilon=None, snr_db=10.0))
    along = torch.cosine_similarity(changed - clean, wanted, dim=2)
    assert along.min() > 0.999
    assert snr_db(clean, changed).tolist() == pytest.approx([10.0] * 4, abs=0.05)


def test_margins_grow_as_the_attacker_gets_what_he_wants() -> None:
    victim, clean = Linear(), clips()
    own = victim.answers(clean)
    assert (away_from(victim, own)(clean) < 0).all()
    assert (towards(victim, own)(clean) > 0).all()
    other = (own + 1) % 3
    changed = pgd(towards(victim, other), clean, bound=Bound(epsilon=0.1))
    assert (victim.answers(changed) == other).all()
    both = jointly([towards(victim, other), away_from(victim, other)])
    assert (both(changed) < 0).all()


def test_the_best_on_the_way_is_kept_and_is_never_worse_than_the_clip_itself() -> None:
    clean = clips()

    def narrow(samples: Tensor) -> Tensor:
        return -(samples - clean).abs().sum(dim=(1, 2))

    assert torch.equal(pgd(narrow, clean, bound=BOUND, restarts=3), clean)


def test_batch_mates_do_not_disturb_each_other() -> None:
    victim, clean = Linear(), clips()
    targets = torch.tensor([0, 1, 2, 0])

    def pushed(which: slice) -> Tensor:
        wanted = towards(victim, targets[which])
        return pgd(wanted, clean[which], bound=BOUND, steps=5)

    alone = [pushed(slice(n, n + 1)) for n in range(4)]
    torch.testing.assert_close(pushed(slice(4)), torch.cat(alone))


def test_steps_by_adam_end_where_a_linear_victim_has_its_best() -> None:
    victim, clean = Linear(answers=2), clips()
    targets = torch.tensor([0, 1, 0, 1])
    wanted = (victim.patterns[targets] - victim.patterns[1 - targets]).unsqueeze(1)
    objective = towards(victim, targets)
    changed, values = adam_pgd(objective, clean, bound=BOUND, steps=30)
    torch.testing.assert_close(changed, clean + 0.01 * wanted.sign(), atol=1e-6, rtol=0)
    torch.testing.assert_close(values, objective(changed))
    along, _ = adam_pgd(objective, clean, bound=Bound(epsilon=None, snr_db=10.0), steps=30)
    assert torch.cosine_similarity(along - clean, wanted, dim=2).min() > 0.999
    assert snr_db(clean, along).tolist() == pytest.approx([10.0] * 4, abs=0.05)


def test_steps_by_adam_find_a_narrow_place_that_even_steps_walk_past() -> None:
    clean = clips()
    there = clean + 0.004 * torch.sign(clips(seed=7))
    uneven = torch.logspace(0, 3, SAMPLES)

    def valley(samples: Tensor) -> Tensor:
        return -(uneven * (samples - there).abs()).mean(dim=(1, 2))

    even = pgd(valley, clean, bound=BOUND, steps=60)
    changed, values = adam_pgd(valley, clean, bound=BOUND, steps=60)
    assert (values > valley(even)).all()
    assert ((changed - clean).abs() <= 0.01 + 1e-6).all()


def test_steps_by_adam_begin_where_they_are_told_and_end_no_worse() -> None:
    victim, clean = Linear(), clips()
    lengths = torch.tensor([SAMPLES, 10, 200, 1])
    objective = towards(victim, torch.zeros(4, dtype=torch.long), lengths=lengths)
    first, reached = adam_pgd(objective, clean, bound=BOUND, lengths=lengths, steps=2)
    again, further = adam_pgd(objective, clean, bound=BOUND, lengths=lengths, steps=1, begin=first)
    assert (further >= reached).all()
    assert (again - clean).abs().max() <= 0.01 + 1e-6
    for row, length in zip(again - clean, lengths, strict=True):
        assert not row[:, length:].any()


def test_nothing_changes_behind_the_end_of_a_clip() -> None:
    victim, clean = Linear(), clips()
    lengths = torch.tensor([SAMPLES, 10, 200, 1])
    objective = towards(victim, torch.zeros(4, dtype=torch.long), lengths=lengths)
    changed = pgd(objective, clean, bound=BOUND, lengths=lengths, restarts=2)
    for row, length in zip(changed - clean, lengths, strict=True):
        assert row[:, :length].any()
        assert not row[:, length:].any()


def test_rounding_hides_the_gradient_until_it_is_passed_straight_through() -> None:
    victim, clean = Linear(answers=2), clips()
    wanted = towards(victim, torch.zeros(4, dtype=torch.long))

    def rounded(samples: Tensor) -> Tensor:
        return (samples * 100).round() / 100

    hidden, _ = slope(lambda samples: wanted(rounded(samples)), clean)
    assert not hidden.any()
    passed, _ = slope(lambda samples: wanted(straight_through(rounded)(samples)), clean)
    plain, _ = slope(wanted, clean)
    torch.testing.assert_close(passed, plain)
    torch.testing.assert_close(straight_through(rounded)(clean), rounded(clean))


def test_an_expectation_is_the_mean_over_what_may_happen() -> None:
    victim, clean = Linear(answers=2), clips()
    wanted = towards(victim, torch.zeros(4, dtype=torch.long))
    quiet = expected(wanted, [lambda x: 0.5 * x, lambda x: 0.25 * x])
    torch.testing.assert_close(quiet(clean), 0.375 * wanted(clean))


def test_an_objective_without_a_gradient_is_named() -> None:
    with pytest.raises(SonantError, match="straight_through"):
        pgd(lambda samples: torch.zeros(len(samples)), clips(), bound=BOUND)
    with pytest.raises(SonantError, match="straight_through"):
        adam_pgd(lambda samples: torch.zeros(len(samples)), clips(), bound=BOUND, steps=1)
