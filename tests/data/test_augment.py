"""What an item gets depends on the item, the epoch and the seed alone."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sonant.data.augment import (
    Augment,
    AugmentConfig,
)
from sonant.errors import AudioError, MissingExtra, RecipeError
from sounds import LENGTH, RATE_HZ, rms, snr_db, tone, white, write_noises, write_rooms

EFFECTS = ["shift", "gain", "speed", "noise", "volume", "room", "pitch", "all"]


@pytest.fixture(scope="module")
def noise_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_noises(tmp_path_factory.mktemp("noise"))


@pytest.fixture(scope="module")
def room_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rooms(tmp_path_factory.mktemp("rooms"))


def test_without_effects_the_samples_come_back_equal_and_new() -> None:
    clips = white(4)
    answer = Augment(AugmentConfig(), rate_hz=RATE_HZ, seed=0)(clips, np.arange(4), epoch=0)
    assert torch.equal(answer, clips)
    assert answer.data_ptr() != clips.data_ptr()


def settings(effect: str, noise_folder: str, room_folder: str) -> dict[str, Any]:
    each: dict[str, dict[str, Any]] = {
        "shift": {"shift_ms": 100.0},
        "gain": {"gain_db": (-6.0, 6.0)},
        "speed": {"speed": 0.15},
        "noise": {"noise": noise_folder, "noise_snr_db": (0.0, 20.0)},
        "volume": {"noise": noise_folder, "noise_volume": (0.1, 0.5)},
        "room": {"rir": room_folder},
        "pitch": {"pitch_semitones": 3.0},
    }
    if effect == "all":
        return {key: value for part in each.values() for key, value in part.items()}
    return each[effect]


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_item_sounds_the_same_in_any_batch(
    effect: str, noise_folder: str, room_folder: str
) -> None:
    config = AugmentConfig(**settings(effect, noise_folder, room_folder))
    clips, items = white(12), np.arange(100, 112)
    before = clips.clone()
    augment = Augment(config, rate_hz=RATE_HZ, seed=5)
    whole = augment(clips, items, epoch=2)
    assert torch.equal(clips, before)
    assert not torch.equal(whole, clips)
    assert torch.isfinite(whole).all()

    order = np.random.default_rng(0).permutation(12)
    mixed = Augment(config, rate_hz=RATE_HZ, seed=5)(clips[order], items[order], epoch=2)
    torch.testing.assert_close(mixed, whole[order], atol=1e-6, rtol=0)
    for first in (0, 5, 11):
        alone = augment(clips[first : first + 1], items[first : first + 1], epoch=2)
        torch.testing.assert_close(alone, whole[first : first + 1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("effect", EFFECTS)
def test_another_epoch_another_seed_and_another_item_sound_different(
    effect: str, noise_folder: str, room_folder: str
) -> None:
    config = AugmentConfig(**settings(effect, noise_folder, room_folder))
    clips = white(1).repeat(12, 1)
    augment = Augment(config, rate_hz=RATE_HZ, seed=5)
    first = augment(clips, np.arange(12), epoch=0)
    assert len({row.numpy().tobytes() for row in first}) > 3
    others = [
        augment(clips, np.arange(12), epoch=1),
        augment(clips, np.arange(12, 24), epoch=0),
        Augment(config, rate_hz=RATE_HZ, seed=6)(clips, np.arange(12), epoch=0),
    ]
    for other in others:
        assert (first != other).any(dim=1).sum() > 5


def test_the_global_random_states_are_neither_used_nor_moved(
    noise_folder: str, room_folder: str
) -> None:
    config = AugmentConfig(**settings("all", noise_folder, room_folder))
    augment = Augment(config, rate_hz=RATE_HZ, seed=5)
    answers = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        before = (random.getstate(), str(np.random.get_state()), torch.get_rng_state())
        answers.append(augment(white(4), np.arange(4), epoch=0))
        assert random.getstate() == before[0]
        assert str(np.random.get_state()) == before[1]
        assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.equal(*answers)


@pytest.mark.parametrize("length", [1, 77, 4001])
def test_clips_of_any_length(length: int, noise_folder: str, room_folder: str) -> None:
    chosen = settings("all", noise_folder, room_folder) | {"pitch_semitones": 0.0}
    augment = Augment(AugmentConfig(**chosen), rate_hz=RATE_HZ, seed=5)
    answer = augment(white(8, length=length), np.arange(8), epoch=0)
    assert answer.shape == (8, length)
    assert torch.isfinite(answer).all()


def test_loud_results_are_not_clipped() -> None:
    augment = Augment(AugmentConfig(gain_db=(20.0, 20.0)), rate_hz=RATE_HZ, seed=0)
    assert augment(tone(440)[None], np.arange(1), epoch=0).max() > 4.9


def test_every_clip_needs_its_number() -> None:
    with pytest.raises(ValueError, match="3 clips came with 2 item numbers"):
        Augment(AugmentConfig(), rate_hz=RATE_HZ, seed=0)(white(3), np.arange(2), epoch=0)


@pytest.mark.parametrize("field", ["noise", "rir"])
def test_a_folder_that_is_not_there_is_refused_by_its_field(field: str, tmp_path: Path) -> None:
    missing: dict[str, Any] = {field: str(tmp_path / "nowhere")}
    with pytest.raises(RecipeError, match=f"^{field}: "):
        Augment(AugmentConfig(**missing), rate_hz=RATE_HZ, seed=0)


def test_an_unreadable_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "rain.flac").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"rain\.flac"):
        Augment(AugmentConfig(noise=str(tmp_path)), rate_hz=RATE_HZ, seed=0)


def test_only_the_chosen_clips_change_their_pitch() -> None:
    config = AugmentConfig(pitch_semitones=4.0, pitch_probability=0.5)
    clips = tone(1000, length=4000).repeat(20, 1)
    shifted = Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(20), epoch=0)
    assert 4 < (shifted != clips).any(dim=1).sum() < 16


def test_pitch_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audiomentations", None)
    with pytest.raises(MissingExtra, match=r"sonant\[train\]"):
        Augment(AugmentConfig(pitch_semitones=1.0), rate_hz=RATE_HZ, seed=0)
    Augment(AugmentConfig(speed=0.1), rate_hz=RATE_HZ, seed=0)


# --- mixup ---


def plan(*, items: np.ndarray, epoch: int = 0, **chosen: Any) -> tuple[np.ndarray, np.ndarray]:
    augment = Augment(AugmentConfig(**chosen), rate_hz=RATE_HZ, seed=3)
    return augment.mixup_plan(items, epoch=epoch, population=5000)


def test_mixup_off_mixes_nobody() -> None:
    partners, weights = plan(items=np.arange(7))
    assert partners.tolist() == list(range(7))
    assert weights.tolist() == [1.0] * 7


def test_partners_come_from_the_whole_population() -> None:
    items = np.arange(5000)
    partners, weights = plan(items=items, mixup_alpha=0.3)
    assert partners.dtype == np.int64
    assert weights.dtype == np.float32
    assert (partners.min(), partners.max()) < (10, 4999)
    assert partners.max() > 4990
    assert abs(np.corrcoef(items, partners)[0, 1]) < 0.05


def test_shares_follow_the_beta_distribution() -> None:
    _, weights = plan(items=np.arange(5000), mixup_alpha=0.3)
    assert weights.mean() == pytest.approx(0.5, abs=0.02)
    assert weights.var() == pytest.approx(1 / (4 * (2 * 0.3 + 1)), rel=0.05)


def test_mixup_comes_to_its_share_of_clips() -> None:
    _, weights = plan(items=np.arange(5000), mixup_alpha=1.0, mixup_probability=0.4)
    assert (weights != 1.0).mean() == pytest.approx(0.4, abs=0.03)


def test_the_plan_of_an_item_does_not_depend_on_its_batch() -> None:
    partners, weights = plan(items=np.arange(100), mixup_alpha=0.3)
    some = np.array([40, 3, 99])
    again_partners, again_weights = plan(items=some, mixup_alpha=0.3)
    assert np.array_equal(again_partners, partners[some])
    assert np.array_equal(again_weights, weights[some])
    assert not np.array_equal(plan(items=np.arange(100), epoch=1, mixup_alpha=0.3)[0], partners)


# --- real recordings ---


@pytest.mark.shared
def test_real_noise_keeps_its_ratio(shared_data: Path) -> None:
    config = AugmentConfig(
        noise=str(shared_data / "noise_misc"), noise_probability=1.0, noise_snr_db=(5.0, 5.0)
    )
    clips = tone(440).repeat(40, 1)
    noisy = Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(40), epoch=0)
    assert (snr_db(clips, noisy) - 5.0).abs().max() < 0.1


@pytest.mark.shared
def test_real_rooms_keep_level_and_place(shared_data: Path) -> None:
    config = AugmentConfig(rir=str(shared_data / "rir"), rir_probability=1.0)
    clips = torch.zeros(60, LENGTH)
    clips[:, 4000] = 1.0
    wet = Augment(config, rate_hz=RATE_HZ, seed=0)(clips, np.arange(60), epoch=0)
    assert torch.isfinite(wet).all()
    torch.testing.assert_close(rms(wet), rms(clips), atol=0, rtol=1e-4)
    assert (wet.abs().argmax(dim=1) == 4000).all()
