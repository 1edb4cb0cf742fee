"""The library's attacks through our adapters: any length, inside the bound, and they work."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from linear_victim import SAMPLES, Linear, clips
from sonant.attacks.bounds import Bound
from sonant.attacks.gradient import fgsm
from sonant.attacks.objectives import towards
from sonant.errors import SonantError

pytest.importorskip("art", reason="adversarial-robustness-toolbox is not installed: sonant[attack]")
from sonant.attacks import toolbox

BOUND = Bound(epsilon=0.05)
TARGETS = torch.tensor([0, 1, 2, 0])
ATTACKS = {
    "fgsm": toolbox.fast_gradient,
    "pgd": partial(toolbox.projected_gradient, steps=5),
    "cw": partial(toolbox.carlini_wagner, steps=30, rate=0.01),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("lengths", [None, torch.tensor([SAMPLES, 300, 300, 250])])
def test_targets_are_reached_inside_the_bound(attack: Any, lengths: Tensor | None) -> None:
    victim, clean = Linear(), clips()
    changed = attack(victim, clean, TARGETS, bound=BOUND, targeted=True, lengths=lengths)
    assert (victim.answers(changed, lengths) == TARGETS).all()
    assert (changed - clean).abs().max() <= BOUND.epsilon + 1e-6  # type: ignore[operator]
    if lengths is not None:
        assert not (changed - clean)[1, :, 300:].any()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_untargeted_they_get_away_from_the_answer(attack: Any) -> None:
    victim, clean = Linear(), clips()
    own = victim.answers(clean)
    changed = attack(victim, clean, own, bound=BOUND, targeted=False)
    assert (victim.answers(changed) != own).all()


def test_on_a_linear_victim_the_library_and_our_own_step_agree() -> None:
    victim, clean = Linear(answers=2), clips()
    targets = 1 - victim.answers(clean)
    theirs = toolbox.fast_gradient(victim, clean, targets, bound=BOUND, targeted=True)
    torch.testing.assert_close(theirs, fgsm(towards(victim, targets), clean, bound=BOUND))


def test_answers_alone_are_enough_where_there_is_a_beginning() -> None:
    victim, clean = Linear(answers=2), clips(2)
    own = victim.answers(clean)
    wide = Bound(epsilon=1.0)
    other = fgsm(towards(victim, 1 - own), clean, bound=Bound(epsilon=0.5))
    attack = partial(toolbox.hop_skip_jump, victim, clean, bound=wide, steps=2, queries=60)
    changed = attack(1 - own, targeted=True, beginning=other)
    assert (victim.answers(changed) != own).all()
    assert (changed - clean).norm() < (other - clean).norm()
    with pytest.raises(SonantError, match="begins with sounds"):
        attack(1 - own, targeted=True)


def test_one_noise_moves_many_clips() -> None:
    victim = Linear(answers=2)
    every = clips(40, level=0.02)
    clean = every[victim.answers(every) == 0]
    noise = toolbox.universal(victim, clean, torch.zeros(len(clean)).long(), bound=BOUND)
    assert noise.shape == (1, 1, SAMPLES)
    assert noise.abs().max() <= BOUND.epsilon + 1e-6  # type: ignore[operator]
    assert (victim.answers(clean + noise) == 1).float().mean() > 0.5


def test_without_an_epsilon_there_is_no_step() -> None:
    with pytest.raises(SonantError, match="give the bound one"):
        toolbox.fast_gradient(
            Linear(), clips(), TARGETS, bound=Bound(epsilon=None, snr_db=20.0), targeted=True
        )
