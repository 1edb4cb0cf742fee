"""Adversarial training: changed clips cost the model more, within the bound, and leave it as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from linear_victim import SAMPLES, Linear, clips
from sonant.attacks.hardening import as_it_answers, hardened
from sonant.data.augment_config import AugmentConfig
from sonant.draws import Draws
from sonant.errors import RecipeError
from sonant.nn.utterance import UtteranceFrontEnd
from sonant.nn.utterance_config import UtteranceConfig

TARGETS = torch.tensor([0, 1, 2, 0])


def losses(model: nn.Module, samples: Tensor) -> Tensor:
    return F.cross_entropy(model(samples), TARGETS, reduction="none")


def settings(**changes: float) -> AugmentConfig:
    return AugmentConfig(**{"adversarial_epsilon": 0.01, "adversarial_share": 1.0, **changes})  # type: ignore[arg-type]


def draws(seed: int = 0) -> Draws:
    return Draws(seed, 0, np.arange(4))


def test_changed_clips_cost_more_and_stay_inside_the_bound() -> None:
    model, clean = Linear(), clips()
    changed = hardened(model, clean, losses, config=settings(), draws=draws())
    assert (losses(model, changed) > losses(model, clean)).all()
    assert (changed - clean).abs().max() <= 0.01 + 1e-6


def test_only_a_share_is_changed_and_the_draw_says_which() -> None:
    clean, config = clips(), settings(adversarial_share=0.5)
    chosen = torch.from_numpy(draws().uniform("adversarial")[:, 0] < 0.5)
    assert chosen.any()
    assert not chosen.all()
    changed = hardened(Linear(), clean, losses, config=config, draws=draws())
    assert torch.equal((changed != clean).any(-1).squeeze(1), chosen)


def test_nothing_changes_behind_the_end_of_a_clip() -> None:
    clean, lengths = clips(), torch.tensor([SAMPLES, 50, 100, 399])
    changed = hardened(Linear(), clean, losses, config=settings(), draws=draws(), lengths=lengths)
    for row, before, length in zip(changed, clean, lengths.tolist(), strict=True):
        assert torch.equal(row[:, length:], before[:, length:])


def test_where_it_is_off_the_model_is_not_even_asked() -> None:
    model, clean = Linear(), clips()
    assert hardened(model, clean, losses, config=AugmentConfig(), draws=draws()) is clean
    assert model.asked == 0


def test_the_model_is_asked_as_it_would_answer_and_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    model[1].eval()
    with as_it_answers(model):
        assert not model[0].training
    assert model.training
    assert model[0].training
    assert not model[1].training


def test_no_gradient_is_left_on_the_weights() -> None:
    model = nn.Linear(SAMPLES, 3)

    def of(own: nn.Module, samples: Tensor) -> Tensor:
        return F.cross_entropy(own(samples.squeeze(1)), TARGETS, reduction="none")

    hardened(model, clips(), of, config=settings(), draws=draws())
    assert all(weight.grad is None for weight in model.parameters())


def test_under_a_floor_of_an_attacks_own_energy_nothing_can_be_hidden() -> None:
    """A tone of epsilon leaves (epsilon * window / 4)² in a filter; what docs/attacks.md advises."""
    epsilon, time = 0.002, torch.arange(4000) / 16_000
    tone = epsilon * torch.sin(2 * torch.pi * 1000 * time)[None, None]
    plain = UtteranceFrontEnd(UtteranceConfig(mean="none"), rate_hz=16_000)
    floor = (epsilon * plain.config.window_length / 4) ** 2
    high = UtteranceFrontEnd(UtteranceConfig(mean="none", floor=floor), rate_hz=16_000)
    moved = [
        (front(tone)[0] - front(torch.zeros_like(tone))[0]).abs().max() for front in (plain, high)
    ]
    assert moved[0] > 5
    assert moved[1] < 0.5


@pytest.mark.parametrize(
    "wrong",
    [{"adversarial_steps": 0}, {"adversarial_share": 1.5}, {"adversarial_epsilon": -0.1}],
)
def test_settings_that_make_no_sense_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        settings(**wrong)
