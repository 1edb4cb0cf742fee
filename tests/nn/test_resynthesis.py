"""A mel with the phases of a sound is a sound with that mel, and gradients find the way back."""

from __future__ import annotations

import pytest
import torch

from small_converters import RATE_HZ, SMALL_MEL
from sonant.errors import ModelError
from sonant.nn.resynthesis import Resynthesis
from sonant.nn.voice_mel import VoiceMelFrontEnd


def sound() -> torch.Tensor:
    """Noise, louder and softer, in a low and in a high band: like speech, it is everywhere."""
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 2000, generator=draw)
    low = noise[0].unfold(0, 8, 1).mean(-1)
    swell = 0.1 + torch.sin(torch.arange(low.numel()) / 300).square()
    return (0.2 * swell * (low + 0.1 * noise[1, : low.numel()]))[None]


def test_its_own_mel_and_phases_give_a_sound_of_that_mel() -> None:
    x = sound()
    front_end = VoiceMelFrontEnd(SMALL_MEL, rate_hz=RATE_HZ)
    mel = front_end(x.unsqueeze(1))
    again = Resynthesis(SMALL_MEL, rate_hz=RATE_HZ)(mel, x)
    assert again.shape == x.shape
    found = front_end(again.unsqueeze(1))
    loud = mel > mel.max() - 4.0
    assert (found - mel).abs()[loud].mean() < 0.3, "in nepers, where there is sound"
    louder = Resynthesis(SMALL_MEL, rate_hz=RATE_HZ)(mel + 1.0, x)
    torch.testing.assert_close(louder, again * torch.e, atol=1e-3, rtol=1e-3)


def test_gradients_reach_the_mel_and_not_the_phases() -> None:
    x = sound().requires_grad_()
    mel = VoiceMelFrontEnd(SMALL_MEL, rate_hz=RATE_HZ)(x.detach().unsqueeze(1)).requires_grad_()
    Resynthesis(SMALL_MEL, rate_hz=RATE_HZ)(mel, x).square().sum().backward()
    assert x.grad is None
    assert mel.grad is not None
    assert mel.grad.isfinite().all()
    assert mel.grad.abs().sum() > 0


def test_silence_has_phases_too() -> None:
    mel = torch.full((1, SMALL_MEL.mels, 11), -11.5)
    again = Resynthesis(SMALL_MEL, rate_hz=RATE_HZ)(mel, torch.zeros(1, 640))
    assert again.isfinite().all()


def test_a_mel_of_another_length_is_refused() -> None:
    with pytest.raises(ModelError, match="a mel of 5 frames and a sound of 640 samples"):
        Resynthesis(SMALL_MEL, rate_hz=RATE_HZ)(torch.zeros(1, 16, 5), torch.zeros(1, 640))
