"""The micro front end as a layer: close to its wheel, the same however it is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.errors import ModelError, RecipeError
from sonant.nn.frontend import FrontEnd, MicroConfig
from sonant.nn.streaming import Session
from sonant.nn.streaming_frontend import StreamingFrontEnd
from sonant.runtime.micro import MicroFeatures

REFERENCE = Path(__file__).parent / "reference"
RATE_HZ = 16_000


def pcm(samples: int = 16_000, *, scale: float = 1000.0) -> NDArray[np.int16]:
    noise = np.random.default_rng(0).normal(0.0, scale, samples)
    return noise.clip(-32768, 32767).astype(np.int16)


def clip(samples: NDArray[np.int16]) -> Tensor:
    return torch.from_numpy(samples.astype(np.float32) / 32768)[None, None]


def apart(given: Tensor, wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    assert given.shape == wanted.shape
    distance: NDArray[np.float32] = np.abs(given.numpy() - wanted)
    return distance


@pytest.mark.parametrize("dft", ["fft", "matmul"])
def test_the_numbers_are_those_of_the_original_but_for_rounding(dft: str) -> None:
    signal = np.load(REFERENCE / "signal.npz")["pcm"]
    wanted = np.load(REFERENCE / "micro.npz")["features"]
    front_end = FrontEnd(MicroConfig(), rate_hz=RATE_HZ)
    front_end.dft = dft  # type: ignore[assignment]
    distance = apart(front_end(clip(signal))[0], wanted)
    # Of at most 26; where a value is one step or none, they are 5.2 apart.
    assert distance.mean() < 0.06
    assert np.quantile(distance, 0.98) < 0.3
    assert distance.max() < 5.3


@pytest.mark.shared
def test_on_real_clips_they_are_close(shared_data: Path) -> None:
    wheel = pytest.importorskip("pymicro_features") and MicroFeatures()
    front_end = FrontEnd(MicroConfig(), rate_hz=RATE_HZ)
    distances = []
    for path in sorted((shared_data / "speech_commands").rglob("*.flac"))[::100]:
        samples, _ = soundfile.read(path, dtype="int16")
        wheel.reset()
        distances.append(apart(front_end(clip(samples))[0].T, wheel.push(samples)).ravel())
    together = np.concatenate(distances)
    # Measured on 60 clips: mean 0.073, 1.5 % further apart than 1; loud vowels hide quiet bands.
    assert together.mean() < 0.12
    assert (together > 1.0).mean() < 0.03


@pytest.mark.parametrize("size", [160, 1000, 7777])
def test_however_a_stream_is_cut_no_step_is_crossed(size: int) -> None:
    stream, sound = StreamingFrontEnd(MicroConfig(), rate_hz=RATE_HZ), clip(pcm(32_000))
    assert stream.receptive_field is None
    session = Session(stream)
    parts = [session.push(part) for part in torch.split(sound, size, -1)]
    torch.testing.assert_close(torch.cat(parts, -1), stream(sound), rtol=1e-5, atol=1e-5)


def test_a_stream_is_a_clip_with_silence_in_front() -> None:
    sound = clip(pcm())
    silence = torch.zeros(1, 1, 320)
    stream = StreamingFrontEnd(MicroConfig(), rate_hz=RATE_HZ)(sound)
    whole = FrontEnd(MicroConfig(), rate_hz=RATE_HZ)(torch.cat([silence, sound], -1))
    torch.testing.assert_close(stream, whole)


def test_steady_noise_fades_and_what_is_new_stands_out() -> None:
    samples = pcm(48_000)
    samples[40_000:44_000] += (8000 * np.sin(np.arange(4000) * 2 * np.pi / 16)).astype(np.int16)
    features = FrontEnd(MicroConfig(gain_control=False), rate_hz=RATE_HZ)(clip(samples))[0]
    assert features[:, 200:240].mean() < features[:, :5].mean() - 2
    louder = features[:, 255:265].mean(1) - features[:, 200:240].mean(1)
    assert louder.argmax() == 12  # 1 kHz
    assert louder.max() > 6


def test_silence_is_zero() -> None:
    features = FrontEnd(MicroConfig(), rate_hz=RATE_HZ)(torch.zeros(2, 1, 1600))
    assert features.tolist() == [[[0.0] * 8] * 40] * 2


def test_settings_that_cannot_be_are_refused() -> None:
    for name, wrong in (("mels", 39), ("smoothing_odd", 1.1), ("max_hz", 100.0), ("hop_length", 0)):
        with pytest.raises(RecipeError, match=name):
            MicroConfig(**{name: wrong})  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"max_hz.*7500 Hz.*8000 Hz"):
        FrontEnd(MicroConfig(), rate_hz=8000)
    with pytest.raises(ModelError, match="window_length"):
        FrontEnd(MicroConfig(), rate_hz=RATE_HZ).shape(479)
