"""PCEN: librosa's numbers, its level in a stream, and what the gain is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sonant.errors import RecipeError
from sonant.nn.frontend import FrontEnd, LogMelConfig, MfccConfig, PcenConfig, SpectrogramConfig
from sonant.nn.pcen import Pcen
from sonant.nn.streaming import Session
from sonant.nn.streaming_frontend import StreamingFrontEnd

REFERENCE = Path(__file__).parent / "reference"
RATE_HZ = 16_000
STREAMED = LogMelConfig(window_length=480, hop_length=160, mels=40, centre=False, log="pcen")


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 0.1


def test_the_numbers_are_those_of_librosa() -> None:
    energies = torch.from_numpy(np.load(REFERENCE / "librosa.npz")["mel_512_128"].T)[None]
    wanted = torch.from_numpy(np.load(REFERENCE / "pcen.npz")["mel_512_128"].T)[None]
    given, _ = Pcen(PcenConfig())(energies, torch.zeros(1, 64))
    torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)


def test_a_front_end_with_pcen_has_librosas_numbers_too() -> None:
    pcm = np.load(REFERENCE / "signal.npz")["pcm"].astype(np.float32) / 32768
    config = LogMelConfig(
        window_length=512, hop_length=128, pad="zeros", scale="slaney", norm="slaney", log="pcen"
    )
    features = FrontEnd(config, rate_hz=22_050)(torch.from_numpy(pcm)[None, None])
    wanted = torch.from_numpy(np.load(REFERENCE / "pcen.npz")["mel_512_128"])[None]
    torch.testing.assert_close(features, wanted, rtol=1e-4, atol=1e-4)


def test_a_minute_at_once_is_a_minute_frame_by_frame() -> None:
    pcen, smoother, parts = Pcen(PcenConfig()), torch.zeros(1, 2), []
    energies = noise(1, 6000, 2).square() * 100
    for frame in energies.split(1, 1):  # type: ignore[no-untyped-call]
        part, smoother = pcen(frame, smoother)
        parts.append(part)
    whole, level = pcen(energies, torch.zeros(1, 2))
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(smoother, level)


@pytest.mark.parametrize("size", [160, 333, 5000])
def test_the_level_is_kept_from_step_to_step(size: int) -> None:
    stream, sound = StreamingFrontEnd(STREAMED, rate_hz=RATE_HZ), noise(1, 1, 16_000)
    assert stream.receptive_field is None
    session = Session(stream)
    parts = [session.push(part) for part in torch.split(sound, size, -1)]
    torch.testing.assert_close(torch.cat(parts, -1), stream(sound), rtol=1e-5, atol=1e-5)


def test_a_far_voice_becomes_as_loud_as_a_near_one() -> None:
    front_end = FrontEnd(STREAMED, rate_hz=RATE_HZ)
    near, far = front_end(noise(1, 1, 16_000)), front_end(noise(1, 1, 16_000) / 30)
    assert ((near - far).abs() / near).mean() < 0.2


def test_resizing_looks_at_every_frame() -> None:
    config = LogMelConfig(log="pcen", hop_length=128, window_length=512, resize=(64, 5))
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    front_end.dft = "fft"
    by_fft = front_end(noise(1, 1, 8000))
    front_end.dft = "matmul"
    torch.testing.assert_close(by_fft, front_end(noise(1, 1, 8000)), rtol=1e-4, atol=1e-4)


def test_settings_that_mean_nothing_are_refused() -> None:
    for kind in (MfccConfig, SpectrogramConfig):
        with pytest.raises(RecipeError, match="log_mel"):
            kind(log="pcen")
    with pytest.raises(RecipeError, match=r"pcen.*'db'"):
        LogMelConfig(pcen=PcenConfig())
    for wrong in ({"s": 0.0}, {"s": 1.5}, {"alpha": -1.0}, {"eps": 0.0}, {"delta": 0.0}):
        with pytest.raises(RecipeError, match=next(iter(wrong))):
            PcenConfig(**wrong)
