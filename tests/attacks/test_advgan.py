"""The generator of AdvGAN: inside the bound, the same alone and in company, and able to learn."""

from __future__ import annotations

import pytest
import torch

from linear_victim import SAMPLES, Linear, clips
from sonant.attacks.advgan import AdvGanConfig, Critic, Generator
from sonant.attacks.bounds import Bound, snr_db
from sonant.attacks.objectives import towards
from sonant.errors import ModelError

SMALL = AdvGanConfig(channels=(4, 8), blocks=2)
BOUND = Bound(epsilon=0.02, snr_db=10.0)


@pytest.mark.parametrize("universal_s", [0.0, 0.01])
def test_what_it_makes_stays_inside_the_bound(universal_s: float) -> None:
    torch.manual_seed(0)
    generator = Generator(AdvGanConfig(channels=(4, 8), universal_s=universal_s), rate_hz=16_000)
    clean = clips()
    changed = generator(clean, BOUND)
    noise = changed - clean
    assert noise.any()
    assert noise.abs().max() <= 0.02 + 1e-6
    assert (snr_db(clean, changed) >= 10.0 - 1e-3).all()


@torch.no_grad()
def test_neither_company_nor_what_stands_behind_a_clip_changes_its_noise() -> None:
    torch.manual_seed(0)
    generator = Generator(SMALL, rate_hz=16_000)
    clean, lengths = clips(), [SAMPLES, 97, 16, 301]
    padded = clean.clone()
    for row, length in zip(padded, lengths, strict=True):
        row[:, length:] = 7.0
    bound = Bound(epsilon=0.02)
    together = generator(padded, bound, torch.tensor(lengths))
    for row, own, length in zip(together, clean, lengths, strict=True):
        alone = generator(own[None, :, :length], bound)
        torch.testing.assert_close(row[:, :length], alone[0], atol=1e-6, rtol=0)


@torch.no_grad()
def test_a_universal_noise_is_one_for_all_and_goes_round() -> None:
    generator = Generator(AdvGanConfig(channels=(4,), universal_s=0.01), rate_hz=16_000)
    clean = clips()
    noise = generator(clean, Bound(epsilon=0.02)) - clean
    torch.testing.assert_close(noise[0], noise[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(noise[0, :, :160], noise[0, :, 160:320], atol=1e-6, rtol=0)


def test_it_learns_to_push_a_victim() -> None:
    torch.manual_seed(0)
    generator, victim = Generator(SMALL, rate_hz=16_000), Linear(answers=2)
    clean = clips(16)
    objective = towards(victim, torch.zeros(16, dtype=torch.long))
    optimizer = torch.optim.Adam(generator.parameters(), 3e-3)
    before = objective(clean).mean().item()
    for _ in range(30):
        loss = -objective(generator(clean, BOUND)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert -loss.item() > before + 1.0


def test_its_critic_hears_every_stretch() -> None:
    scores = Critic(SMALL)(clips())
    assert scores.shape[0] == 4
    assert scores.shape[1] > 1


@pytest.mark.parametrize("settings", [{"channels": ()}, {"channels": (0,)}, {"universal_s": -1.0}])
def test_sizes_that_make_no_network_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        AdvGanConfig(**settings)  # type: ignore[arg-type]
