"""Each effect does to the sound exactly what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sonant import audio
from sonant.audio import Clip
from sonant.data.augment import (
    Augment,
    AugmentConfig,
    change_speed,
    mix_noise,
    reverberate,
    shift,
    speed_kernels,
)
from sounds import LENGTH, RATE_HZ, rms, snr_db, tone, white, write_noises, write_rooms

MOST = 15
KERNELS = speed_kernels(MOST)


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def frequency_hz(samples: Tensor) -> float:
    """Of the loudest tone, by the top of a parabola through three bins of the spectrum in dB."""
    middle = samples[2000:-2000].double().numpy()
    power = np.log(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) + 1e-12)
    top = int(power.argmax())
    left, centre, right = power[top - 1 : top + 2]
    return float(top + 0.5 * (left - right) / (left - 2 * centre + right)) * RATE_HZ / len(middle)


@pytest.fixture(scope="module")
def noise_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_noises(tmp_path_factory.mktemp("noise"))


@pytest.fixture(scope="module")
def room_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rooms(tmp_path_factory.mktemp("rooms"))


# --- shift ---


def test_shift_moves_by_exactly_so_many_samples_and_fills_with_zeros() -> None:
    clips = white(3)
    moved = shift(clips, np.array([[100], [-30], [0]]))
    assert torch.equal(moved[0], torch.cat([torch.zeros(100), clips[0, :-100]]))
    assert torch.equal(moved[1], torch.cat([clips[1, 30:], torch.zeros(30)]))
    assert torch.equal(moved[2], clips[2])


def test_a_shift_beyond_the_clip_leaves_zeros() -> None:
    moved = shift(white(2, length=50), np.array([[80], [-50]]))
    assert torch.equal(moved, torch.zeros(2, 50))


def test_shifts_reach_both_limits_and_no_further() -> None:
    clips = torch.zeros(2000, 64)
    clips[:, 32] = 1.0
    augment = Augment(AugmentConfig(shift_ms=1.0), rate_hz=RATE_HZ, seed=0)
    moved = augment(clips, np.arange(2000), epoch=0).argmax(dim=1) - 32
    assert set(moved.tolist()) == set(range(-16, 17))


# --- gain ---


def test_gain_is_exact() -> None:
    clips = white(1)
    louder = Augment(AugmentConfig(gain_db=(6.0, 6.0)), rate_hz=RATE_HZ, seed=0)
    answer = louder(clips, np.arange(1), epoch=0)
    torch.testing.assert_close(answer, clips * 10 ** (6 / 20), atol=0, rtol=1e-6)


def test_gains_fill_their_range_evenly_in_decibels() -> None:
    augment = Augment(AugmentConfig(gain_db=(-12.0, 6.0)), rate_hz=RATE_HZ, seed=0)
    gains_db = 20 * augment(torch.ones(4000, 1), np.arange(4000), epoch=0).log10()
    assert -12.0 <= gains_db.min() < -11.9
    assert 5.9 < gains_db.max() <= 6.0001
    assert gains_db.mean() == pytest.approx(-3.0, abs=0.3)


# --- speed ---


@pytest.mark.parametrize("step", [-15, -7, -1, 1, 8, 15])
def test_speed_moves_a_tone_by_its_factor(step: int) -> None:
    faster = change_speed(tone(1000)[None], np.array([[step]]), kernels=KERNELS)[0]
    assert frequency_hz(faster) == pytest.approx(1000 * (1 + step / 100), abs=0.05)


@pytest.mark.parametrize("step", [-15, 9])
def test_speed_is_exact_for_what_it_can_carry(step: int) -> None:
    middle = (LENGTH - 1) / 2
    samples = torch.arange(LENGTH, dtype=torch.float64) - middle
    for hz in (100.0, 3000.0, 6000.0):
        factor, phase = 1 + step / 100, 0.3
        clip = torch.cos(2 * torch.pi * hz * samples / RATE_HZ + phase).float()
        # The middle may lie half a sample off.
        offset = ((LENGTH - 1) * step + 100) // 200 - (LENGTH - 1) * step / 200
        wanted = torch.cos(2 * torch.pi * hz * (samples * factor - offset) / RATE_HZ + phase)
        answer = change_speed(clip[None], np.array([[step]]), kernels=KERNELS)[0]
        assert (answer - wanted)[2000:-2000].abs().max() < 1e-3


def test_speed_one_changes_nothing() -> None:
    clips = white(2, length=4321)
    same = change_speed(clips, np.zeros((2, 1), np.int64), kernels=KERNELS)
    torch.testing.assert_close(same, clips, atol=1e-7, rtol=0)


@pytest.mark.parametrize("length", [16000, 16001, 11025])
def test_the_middle_stays_in_the_middle(length: int) -> None:
    clips = torch.zeros(2 * MOST + 1, length)
    clips[:, length // 2] = 1.0
    steps = np.arange(-MOST, MOST + 1)[:, None]
    places = change_speed(clips, steps, kernels=KERNELS).abs().argmax(dim=1)
    assert (places - length // 2).abs().max() <= 1


def test_a_faster_clip_ends_in_zeros_and_a_slower_one_is_cut() -> None:
    clips = torch.ones(2, 10_000)
    faster, slower = change_speed(clips, np.array([[10], [-10]]), kernels=KERNELS)
    # 10,000 samples at 110 % last 9,091: about 455 zeros at either end.
    assert faster[:435].abs().max() == 0
    assert faster[-435:].abs().max() == 0
    assert (faster[475:-475] - 1).abs().max() < 1e-5
    assert (slower - 1)[20:-20].abs().max() < 1e-5


def test_what_would_fold_back_is_filtered_out() -> None:
    # 7.8 kHz becomes 8.97 kHz at 115 %, which 16 kHz cannot carry.
    faster = change_speed(tone(7800)[None], np.array([[15]]), kernels=KERNELS)[0]
    assert rms(faster[2000:-2000]) < 0.01 * rms(tone(7800))


def test_speeds_reach_both_limits_and_no_further() -> None:
    augment = Augment(AugmentConfig(speed=0.05), rate_hz=RATE_HZ, seed=0)
    clips = tone(1000, length=8000).repeat(60, 1)
    answers = augment(clips, np.arange(60), epoch=0)
    percent = {round(frequency_hz(clip) / 10) for clip in answers}
    assert percent == set(range(95, 106))


# --- rooms ---


def dirac(*taps: tuple[int, float], length: int = 600) -> Tensor:
    response = torch.zeros(1, length)
    for place, value in taps:
        response[0, place] = value
    return response


def test_a_room_without_walls_changes_nothing() -> None:
    clips = white(2)
    room = dirac((80, 0.25)).repeat(2, 1)
    torch.testing.assert_close(reverberate(clips, room, direct=80), clips, atol=1e-6, rtol=0)


def test_a_wall_gives_one_echo_behind_the_direct_sound() -> None:
    click = torch.zeros(1, 4000)
    click[0, 1000] = 1.0
    wet = reverberate(click, dirac((80, 1.0), (380, 0.5)), direct=80)[0]
    assert wet.abs().topk(2).indices.tolist() == [1000, 1300]
    assert float(wet[1300] / wet[1000]) == pytest.approx(0.5, abs=1e-5)
    assert float(rms(wet)) == pytest.approx(float(rms(click)), rel=1e-5)


def test_nothing_of_the_end_comes_round_to_the_beginning() -> None:
    click = torch.zeros(1, 1024)
    click[0, 1000] = 1.0
    wet = reverberate(click, dirac((80, 1.0), (380, 0.5), length=1500), direct=80)[0]
    assert wet[:990].abs().max() < 1e-6


def test_rooms_keep_the_level_and_the_place_of_a_clip(room_folder: str) -> None:
    click = torch.zeros(6, 8000)
    click[:, 3000] = 1.0
    config = AugmentConfig(rir=room_folder, rir_probability=1.0)
    wet = Augment(config, rate_hz=RATE_HZ, seed=0)(click, np.arange(6), epoch=0)
    torch.testing.assert_close(rms(wet), rms(click), atol=0, rtol=1e-4)
    assert (wet.abs().argmax(dim=1) == 3000).all()
    assert (rms(wet[:, 3200:]) > 1e-4).all()


def test_silence_stays_silent_in_a_room(room_folder: str) -> None:
    config = AugmentConfig(rir=room_folder, rir_probability=1.0)
    wet = Augment(config, rate_hz=RATE_HZ, seed=0)(torch.zeros(2, 500), np.arange(2), epoch=0)
    assert torch.equal(wet, torch.zeros(2, 500))


# --- noise ---


@pytest.mark.parametrize("wanted_db", [-5.0, 0.0, 20.0])
def test_noise_is_mixed_at_the_ratio_asked_for(wanted_db: float, noise_folder: str) -> None:
    config = AugmentConfig(
        noise=noise_folder, noise_probability=1.0, noise_snr_db=(wanted_db, wanted_db)
    )
    clips = torch.stack([tone(440, amplitude=0.01), tone(1000, amplitude=0.9), white(1)[0]])
    noisy = Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(3), epoch=0)
    assert (snr_db(clips, noisy) - wanted_db).abs().max() < 0.1


def test_ratios_fill_their_range(noise_folder: str) -> None:
    config = AugmentConfig(noise=noise_folder, noise_probability=1.0, noise_snr_db=(0.0, 20.0))
    clips = tone(440, length=1600).repeat(500, 1)
    ratios = snr_db(clips, Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(500), epoch=0))
    assert -0.1 < ratios.min() < 0.5
    assert 19.5 < ratios.max() < 20.1
    assert ratios.mean() == pytest.approx(10.0, abs=0.8)


def test_a_silent_clip_gets_its_noise_by_volume() -> None:
    clips, noise = torch.stack([torch.zeros(1000), white(1, length=1000)[0]]), white(2, length=1000)
    noisy = mix_noise(
        clips, noise, chosen=column(1, 1) > 0, volume=column(0.25, 0.25), snr_db=column(10, 10)
    )
    assert torch.equal(noisy[0], 0.25 * noise[0])
    assert float(snr_db(clips[1], noisy[1])) == pytest.approx(10, abs=0.01)


def test_without_a_ratio_the_volume_counts() -> None:
    clips, noise = white(1), white(1, seed=1)
    noisy = mix_noise(clips, noise, chosen=column(1) > 0, volume=column(0.1), snr_db=None)
    torch.testing.assert_close(noisy, clips + 0.1 * noise)


def test_a_silent_stretch_of_noise_is_not_pulled_up() -> None:
    clips = white(2)
    noise = torch.stack([torch.zeros(LENGTH), torch.full((LENGTH,), 1e-6)])
    noisy = mix_noise(
        clips, noise, chosen=column(1, 1) > 0, volume=column(1, 1), snr_db=column(0, 0)
    )
    assert torch.equal(noisy[0], clips[0])
    assert rms(noisy[1] - clips[1]) < 0.02 * rms(clips[1])


def test_noise_comes_to_its_share_of_clips_and_leaves_the_others_alone(noise_folder: str) -> None:
    config = AugmentConfig(noise=noise_folder, noise_probability=0.3, noise_snr_db=(0.0, 0.0))
    clips = tone(440, length=100).repeat(2000, 1)
    noisy = Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(2000), epoch=0)
    assert (noisy != clips).any(dim=1).float().mean() == pytest.approx(0.3, abs=0.03)


def test_every_recording_comes_and_no_piece_reaches_into_the_next(tmp_path: Path) -> None:
    levels = [0.1, 0.2, 0.4]
    for number, level in enumerate(levels):
        samples = np.full(300 + 5000 * number, level, np.float32)
        audio.write(tmp_path / f"{number}.wav", Clip(samples, RATE_HZ))
    config = AugmentConfig(noise=str(tmp_path), noise_probability=1.0, noise_volume=(1.0, 1.0))
    noise = Augment(config, rate_hz=RATE_HZ, seed=0)(
        torch.zeros(900, 1000), np.arange(900), epoch=0
    )
    assert torch.equal(noise.amin(dim=1), noise.amax(dim=1))
    for level in levels:
        share = (noise[:, 0] - level).abs() < 1e-3
        assert share.float().mean() == pytest.approx(1 / 3, abs=0.05)


# --- pitch ---


@pytest.mark.parametrize("seed", [0, 1])
def test_pitch_moves_a_tone_by_the_semitones_drawn_and_keeps_its_length(seed: int) -> None:
    config = AugmentConfig(pitch_semitones=4.0, pitch_probability=1.0)
    augment = Augment(config, rate_hz=RATE_HZ, seed=seed)
    items = np.arange(4)
    shifted = augment(tone(1000).repeat(4, 1), items, epoch=0)
    drawn = augment.draws(items, epoch=0).uniform("pitch.semitones", -4.0, 4.0)[:, 0]
    heard = [12 * np.log2(frequency_hz(clip) / 1000) for clip in shifted]
    np.testing.assert_allclose(heard, drawn, atol=0.1)
    assert (rms(shifted) / rms(tone(1000))).sub(1).abs().max() < 0.1
