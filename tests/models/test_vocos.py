"""Vocos: its size is the paper's, it knows levels before it learns, and looks no further than it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sonant.errors import RecipeError
from sonant.models.vocos import Levels, Spectra, Vocos, VocosConfig
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd, bank_of
from sounds import white

RATE_HZ = 16_000
SMALL = VocosConfig(dim=16, hidden=24, layers=2, lookahead=3)
MEL = VoiceMel(window_length=256, hop_length=64, mels=20)


def weights(config: VocosConfig) -> int:
    network = Vocos(config, mel=VoiceMel(), rate_hz=RATE_HZ)
    return sum(weight.numel() for weight in network.parameters())


def test_sizes_are_those_that_are_named() -> None:
    assert (
        round(weights(VocosConfig(dim=512, hidden=1536, layers=8, lookahead=27)) / 1e6, 1) == 13.5
    )
    assert round(weights(VocosConfig()) / 1e6, 1) == 1.3


def test_a_frame_becomes_a_hop_of_samples_later_by_the_look_ahead_and_half_a_window() -> None:
    network = Vocos(SMALL, mel=MEL, rate_hz=RATE_HZ).eval()
    mel = torch.zeros(2, 20, 9)
    assert network(mel).shape == (2, 1, 9 * 64)
    assert network.delay == 3 + 2
    assert 1 / network.hop == 64
    assert network.receptive_field == 3 * 6 + 4


@torch.no_grad()
def test_what_lies_further_ahead_than_the_delay_is_not_heard() -> None:
    torch.manual_seed(0)
    network = Vocos(SMALL, mel=MEL, rate_hz=RATE_HZ).eval()
    mel = torch.randn(1, 20, 30)
    other = mel.clone()
    other[..., 20:] += 1
    assert torch.equal(network(mel)[..., : 20 * 64], network(other)[..., : 20 * 64])
    assert not torch.equal(network(mel)[..., 20 * 64 :], network(other)[..., 20 * 64 :])


@torch.no_grad()
@pytest.mark.parametrize("learned", [0.0, 1.0])
def test_magnitudes_have_the_mel_that_was_asked_for_whatever_was_learned(learned: float) -> None:
    mel = VoiceMelFrontEnd(VoiceMel(), rate_hz=RATE_HZ)(white(1).unsqueeze(1))
    draw = torch.Generator().manual_seed(0)
    beyond = learned * torch.randn(1, mel.shape[-1], 513, generator=draw)
    levels = Levels(VoiceMel())(mel).transpose(1, 2)
    found = Spectra(VoiceMel(), rate_hz=RATE_HZ).magnitudes(beyond, levels)
    bank = torch.from_numpy(bank_of(VoiceMel(), rate_hz=RATE_HZ)).float()
    again = (found @ bank).log().transpose(1, 2)
    assert (again - mel).abs().mean() < 0.05
    if learned:
        flat = Spectra(VoiceMel(), rate_hz=RATE_HZ).magnitudes(torch.zeros_like(beyond), levels)
        assert (found.log() - flat.log())[..., 1:-1].std() > 0.5, "what was learned is still there"


def test_silence_is_zero_to_the_network() -> None:
    silence = torch.full((1, 80, 3), float(np.log(1e-5)))
    assert Levels(VoiceMel())(silence).abs().max() < 1e-6


def test_a_pulse_lies_in_the_middle_of_its_window() -> None:
    small = VoiceMel(window_length=64, hop_length=16, mels=8)
    parts = Spectra(small, rate_hz=RATE_HZ)(
        torch.ones(1, 2 * 33 + 8, 1) * torch.arange(74)[:, None].ge(66)
    )
    pulse = torch.fft.irfft(torch.complex(*parts.chunk(2, 1))[0, :, 0])
    assert pulse.argmax() == 32


@torch.no_grad()
def test_turns_come_later_and_leave_the_weights_as_they_are() -> None:
    plain = Vocos(SMALL, mel=MEL, rate_hz=RATE_HZ)
    turned = Vocos(replace(SMALL, turns=2), mel=MEL, rate_hz=RATE_HZ)
    turned.load_state_dict(plain.state_dict())
    assert turned.delay == plain.delay + 2 * 3
    assert turned(torch.zeros(1, 20, 15)).shape == (1, 1, 15 * 64)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 0}, "dim: 0 is not above 0"),
        ({"kernel": 4}, "kernel: 4 has no middle"),
        ({"lookahead": 19}, "19 frames do not fit; want 0 to 18"),
        ({"turns": -1}, "turns: -1 is below 0"),
        ({"lookahead": -1}, "-1 frames do not fit"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        VocosConfig(**settings)
