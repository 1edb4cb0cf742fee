"""Griffin-Lim: a sound whose magnitudes are those that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.conversion import griffin_lim as module
from sonant.conversion.griffin_lim import griffin_lim, sound_of
from sonant.conversion.voice_mel import hann, log_mel
from sonant.errors import ModelError
from sonant.nn.voice_mel import VoiceMel
from sounds import tone, white

RATE_HZ, WINDOW, HOP = 16_000, 256, 64
SMALL = VoiceMel(window_length=WINDOW, hop_length=HOP, mels=20)
Floats = NDArray[np.float32]


def magnitudes(sound: Floats, *, window: int = WINDOW, hop: int = HOP) -> Floats:
    """Around every hop, [bins, frames], by the definition."""
    frames = 1 + len(sound) // hop
    padded = np.zeros(frames * hop + window, np.float32)
    padded[window // 2 : window // 2 + len(sound)] = sound
    cut = np.stack([padded[n * hop : n * hop + window] for n in range(frames)])
    return np.abs(np.fft.rfft(cut * hann(window))).T.astype(np.float32)


def chirp(samples: int = 6000) -> Floats:
    time_s = np.arange(samples) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * (300 + 2000 * time_s) * time_s)).astype(np.float32)


def apart(sound: Floats, wanted: Floats) -> float:
    """Spectral convergence."""
    return float(np.linalg.norm(magnitudes(sound) - wanted) / np.linalg.norm(wanted))


def test_the_sound_has_the_magnitudes_that_were_asked_for() -> None:
    wanted = magnitudes(chirp())
    (sound,) = griffin_lim([wanted], hop_length=HOP, lengths=[6000])
    assert sound.shape == (6000,)
    assert sound.dtype == np.float32
    assert apart(sound, wanted) < 0.15


def test_more_iterations_come_nearer_and_momentum_sooner() -> None:
    wanted = magnitudes(chirp())

    def after(iterations: int, momentum: float = 0.99) -> float:
        (sound,) = griffin_lim(
            [wanted], hop_length=HOP, lengths=[6000], iterations=iterations, momentum=momentum
        )
        return apart(sound, wanted)

    assert after(32) < after(8) < after(0)
    assert after(32) < after(32, momentum=0.0)


def test_it_is_the_algorithm_of_the_paper_step_by_step() -> None:
    """Against three turns written out with full transforms in double precision."""
    wanted = magnitudes(chirp(640))
    bins, frames = wanted.shape
    taper = hann(WINDOW).astype(np.float64)
    total = np.zeros((frames - 1) * HOP + WINDOW)
    for n in range(frames):
        total[n * HOP : n * HOP + WINDOW] += taper**2

    def sound_from(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
        padded = np.zeros_like(total)
        for n in range(frames):
            padded[n * HOP : n * HOP + WINDOW] += np.fft.irfft(spectra[n]) * taper
        padded /= np.maximum(total, 1e-2)
        padded[: WINDOW // 2] = padded[WINDOW // 2 + 640 :] = 0
        return padded

    turns = np.random.default_rng(3).random((frames, bins), np.float32)
    spectra = wanted.T * np.exp(2j * np.pi * turns)
    before = np.zeros_like(spectra)
    for _ in range(3):
        sound = sound_from(spectra)
        now = np.stack(
            [np.fft.rfft(sound[n * HOP : n * HOP + WINDOW] * taper) for n in range(frames)]
        )
        ahead = now - 0.99 / 1.99 * before
        spectra, before = wanted.T * ahead / (np.abs(ahead) + 1e-8), now
    (found,) = griffin_lim([wanted], hop_length=HOP, lengths=[640], iterations=3, seed=3)
    np.testing.assert_allclose(found, sound_from(spectra)[WINDOW // 2 :][:640], atol=1e-4)


def test_a_clip_sounds_the_same_alone_in_company_and_on_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = [
        magnitudes(0.5 * white(1, length=n, seed=n)[0].numpy()) for n in (700, 3000, 64, 5000)
    ]
    alone = [griffin_lim([one], hop_length=HOP, iterations=4)[0] for one in wanted]
    for together, threads, block in ((10_000, 1, 96), (60, 2, 96), (10_000, 1, 7)):
        monkeypatch.setattr(module, "TOGETHER", together)
        monkeypatch.setattr(module, "BLOCK", block)
        found = griffin_lim(wanted, hop_length=HOP, iterations=4, threads=threads)
        assert [len(clip) for clip in found] == [HOP * one.shape[1] for one in wanted]
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_seed_gives_the_same_sound_and_another_seed_another() -> None:
    wanted = [magnitudes(chirp())]
    one, same, other = (griffin_lim(wanted, hop_length=HOP, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other, atol=1e-3)


def test_silence_stays_silent_and_nothing_stands_outside_a_clip() -> None:
    (silent,) = griffin_lim([np.zeros((129, 20), np.float32)], hop_length=HOP, iterations=3)
    assert not silent.any()
    (short,) = griffin_lim([magnitudes(chirp())], hop_length=HOP, lengths=[5000], iterations=2)
    assert short.shape == (5000,)


def test_a_mel_spectrogram_becomes_a_sound_that_has_it() -> None:
    sound = (0.3 * tone(440.0, length=8000) + 0.2 * tone(1210.0, length=8000)).numpy()
    mel = log_mel(sound, SMALL, rate_hz=RATE_HZ)
    (made,) = sound_of([mel], SMALL, rate_hz=RATE_HZ, iterations=32)
    again = log_mel(made, SMALL, rate_hz=RATE_HZ)[:, : mel.shape[1]]
    loud = mel > -4
    assert loud.any()
    assert np.abs(again - mel)[loud].mean() < 0.25


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"magnitudes": [np.ones((129, 0), np.float32)]}, r"clip 0: magnitudes \[129, 0\]"),
        ({"magnitudes": [np.ones((100, 5), np.float32)]}, "which the hop divides"),
        (
            {"magnitudes": [np.ones((129, 5), np.float32), np.ones((257, 5), np.float32)]},
            "clip 1: has 257 bins, the first has 129",
        ),
        ({"lengths": [1, 2]}, "2 lengths for 1 clips"),
        ({"lengths": [6000]}, "6000 samples are not in 5 frames"),
        ({"iterations": -1}, "want 0 or more"),
        ({"momentum": 2.5}, "momentum 2.5"),
        ({"threads": 0}, "a thread at least"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"magnitudes": [np.ones((129, 5), np.float32)], **given}
    with pytest.raises(ModelError, match=message):
        griffin_lim(settings.pop("magnitudes"), hop_length=HOP, **settings)  # type: ignore[arg-type]


def test_nothing_makes_nothing() -> None:
    assert griffin_lim([], hop_length=HOP) == []
