"""The mel spectrogram of a voice: log magnitudes around every hop, never without end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd, bank_of
from sounds import tone, white

RATE_HZ = 16_000


def front_end(**settings: float) -> VoiceMelFrontEnd:
    return VoiceMelFrontEnd(VoiceMel(**settings), rate_hz=RATE_HZ)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 16_000, 16_383])
def test_there_is_a_frame_around_every_hop_of_a_sound_of_any_length(samples: int) -> None:
    mel = front_end()(white(2, length=samples).unsqueeze(1))
    assert mel.shape == (2, 80, 1 + samples // 256)
    assert mel.shape[-1] == VoiceMel().frames(samples)


def test_silence_is_the_logarithm_of_the_floor_and_no_less() -> None:
    mel = front_end()(torch.zeros(1, 1, 8000))
    assert torch.equal(mel, torch.full_like(mel, float(np.float32(np.log(np.float32(1e-5))))))


def test_the_values_are_logarithms_of_filtered_magnitudes() -> None:
    config, sound = VoiceMel(), white(1, length=4000)
    mel = front_end()(sound.unsqueeze(1))[0]
    padded = np.pad(sound[0].double().numpy(), (512, 512))
    frame = padded[5 * 256 : 5 * 256 + 1024] * (
        0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    )
    wanted = np.log(np.abs(np.fft.rfft(frame)) @ bank_of(config, rate_hz=RATE_HZ))
    np.testing.assert_allclose(mel[:, 5].numpy(), wanted, atol=1e-4)


def test_a_tone_is_loudest_in_the_band_around_it() -> None:
    mel = front_end()(tone(1000.0).view(1, 1, -1))
    centres = bank_of(VoiceMel(), rate_hz=RATE_HZ).argmax(0) * RATE_HZ / 1024
    loudest = centres[mel[0, :, 30].argmax()]
    assert abs(loudest - 1000) < 60


def test_gradients_pass_and_are_finite_at_digital_silence() -> None:
    sound = torch.cat([torch.zeros(1, 1, 4000), white(1, length=4000).unsqueeze(1)], -1)
    sound.requires_grad_()
    front_end()(sound).sum().backward()
    assert sound.grad is not None
    assert sound.grad.isfinite().all()
    assert sound.grad[..., 5000:].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window_length": 1000}, "window_length: 1000 is no power of two"),
        ({"hop_length": 300}, "hop_length: 300 does not divide"),
        ({"hop_length": 1024}, "hop_length: 1024 does not divide"),
        ({"mels": 0}, "mels: 0 is not above 0"),
        ({"floor": 0.0}, "floor: 0.0 is not above 0"),
        ({"min_hz": 9000.0}, "9000 to 8000 is no band"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        VoiceMel(**settings)


def test_filters_beyond_half_the_rate_or_without_a_bin_are_refused() -> None:
    with pytest.raises(ModelError, match="8000 Hz is above half the sample rate of 8000"):
        VoiceMelFrontEnd(VoiceMel(), rate_hz=8000)
    with pytest.raises(ModelError, match="400 filters are more than the 513 bins"):
        front_end(mels=400)
