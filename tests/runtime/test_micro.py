"""The TFLite micro front end by its wheel: frames as they come, and a reset that forgets."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.errors import AudioError, MissingExtra
from sonant.runtime.micro import MicroFeatures


def sound(samples: int) -> NDArray[np.int16]:
    noise = np.random.default_rng(0).normal(0.0, 1000.0, samples)
    return noise.astype(np.int16)


@pytest.fixture
def features() -> MicroFeatures:
    pytest.importorskip("pymicro_features", reason="the extra `micro` is not installed")
    return MicroFeatures()


def test_a_second_gives_98_frames_of_40_features_up_to_26(features: MicroFeatures) -> None:
    frames = features.push(sound(16_000))
    assert frames.shape == (98, 40)
    assert frames.dtype == np.float32
    assert frames.min() == 0.0
    assert 10.0 < frames.max() < 26.0


@pytest.mark.parametrize("size", [1, 159, 160, 479, 1000])
def test_however_the_samples_come_the_frames_are_the_same(
    features: MicroFeatures, size: int
) -> None:
    pcm = sound(3000)
    whole = features.push(pcm)
    features.reset()
    parts = [features.push(pcm[start : start + size]) for start in range(0, len(pcm), size)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_reset_forgets_noise_and_samples_alike(features: MicroFeatures) -> None:
    first = features.push(sound(2000))
    assert not np.array_equal(features.push(sound(2000))[: len(first)], first)
    features.push(sound(77))
    features.reset()
    assert np.array_equal(features.push(sound(2000)), first)


def test_a_frame_comes_with_sample_480_and_with_every_160_more(features: MicroFeatures) -> None:
    counts = [len(features.push(sound(samples))) for samples in (479, 1, 159, 1, 0, 320)]
    assert counts == [0, 1, 0, 1, 0, 2]


@pytest.mark.parametrize("pcm", [np.zeros(480, np.float32), np.zeros((1, 480), np.int16)])
def test_other_samples_are_refused(features: MicroFeatures, pcm: NDArray[np.int16]) -> None:
    with pytest.raises(AudioError, match="int16"):
        features.push(pcm)


def test_without_the_wheel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    with pytest.raises(MissingExtra, match=r"sonant\[micro\]"):
        MicroFeatures()
