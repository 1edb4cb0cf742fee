"""Distances between sounds: nothing between equals, blind to phase, finite at silence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.nn.sound_losses import MelLoss, SpectralLoss
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd
from sounds import tone, white

LOSSES = {
    "spectral": lambda: SpectralLoss((512, 128)),
    "mel": lambda: MelLoss(
        VoiceMelFrontEnd(VoiceMel(window_length=256, hop_length=64, mels=20), rate_hz=16_000)
    ),
}


@pytest.fixture(params=LOSSES, ids=str)
def loss(request: pytest.FixtureRequest) -> nn.Module:
    return LOSSES[request.param]()


def test_equal_sounds_are_no_distance_apart(loss: nn.Module) -> None:
    sound = white(2, length=4000).unsqueeze(1)
    assert loss(sound, sound) == 0


def test_a_change_of_sign_is_not_heard_a_change_of_level_is(loss: nn.Module) -> None:
    sound = white(1, length=4000).unsqueeze(1)
    assert loss(-sound, sound) < 1e-5
    assert loss(0.9 * sound, sound) < loss(0.5 * sound, sound)


def test_another_pitch_is_further_away_than_another_phase(loss: nn.Module) -> None:
    sound, later = tone(440.0, length=4010)[:4000], tone(440.0, length=4010)[10:]
    other = tone(600.0, length=4000)
    assert loss(later.view(1, 1, -1), sound.view(1, 1, -1)) < 0.3 * loss(
        other.view(1, 1, -1), sound.view(1, 1, -1)
    )


def test_gradients_are_finite_where_one_of_the_two_is_silent(loss: nn.Module) -> None:
    for real, made in ((torch.zeros(1, 1, 4000), white(1, length=4000).unsqueeze(1)),
                       (white(1, length=4000).unsqueeze(1), torch.zeros(1, 1, 4000))):  # fmt: skip
        made = made.clone().requires_grad_()
        loss(made, real).backward()
        assert made.grad is not None
        assert made.grad.isfinite().all()


def test_a_gradient_step_comes_nearer(loss: nn.Module) -> None:
    real = tone(440.0, length=4000).view(1, 1, -1)
    made = (0.3 * white(1, length=4000).unsqueeze(1)).requires_grad_()
    optimizer = torch.optim.Adam([made], 1e-3)
    first = loss(made, real).item()
    for _ in range(5):
        optimizer.zero_grad()
        value = loss(made, real)
        value.backward()
        optimizer.step()
    assert loss(made, real).item() < first
