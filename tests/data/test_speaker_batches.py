"""Speaker-balanced batches: who is heard how often, the same for any number of processes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.data.augment import speed_kernels
from sonant.data.batches import Batch, Share
from sonant.data.cache import ClipStore
from sonant.data.speaker_batches import SpeakerBatches, SpeakerSplit, at_speed, turns
from sonant.data.speaker_config import SpeakerConfig

RATE_HZ = 1000
ALONE = Share()


def split_of(recordings: list[int], *, samples: int = 1000) -> SpeakerSplit:
    """So many recordings of each speaker; every sample of a recording says its number."""
    count = sum(recordings)
    pcm = np.arange(count, dtype=np.int16).repeat(samples)
    return SpeakerSplit(
        store=ClipStore(
            pcm=pcm,
            starts=np.arange(count, dtype=np.int64) * samples,
            lengths=np.full(count, samples, np.int64),
            rate_hz=RATE_HZ,
        ),
        speakers=np.arange(len(recordings)).repeat(recordings),
    )


def batches_of(
    recordings: list[int], *, batch: int = 4, seed: int = 0, samples: int = 1000, **changes: object
) -> SpeakerBatches:
    config = SpeakerConfig(**{"crop_s": (0.1, 0.2), "crops": 6, **changes})  # type: ignore[arg-type]
    return SpeakerBatches(split_of(recordings, samples=samples), config, batch=batch, seed=seed)


def every(plan: SpeakerBatches, *, epoch: int = 0, share: Share = ALONE) -> list[Batch]:
    return list(plan.batches(epoch=epoch, share=share))


def test_every_speaker_is_heard_as_often_whoever_left_how_many_recordings() -> None:
    heard = Counter(torch.cat([b.targets for b in every(batches_of([1, 5, 2, 40]))]).tolist())
    assert heard == dict.fromkeys(range(4), 6)


def test_all_recordings_of_a_speaker_are_heard_before_one_is_heard_again() -> None:
    plan = batches_of([1, 5, 2, 40])
    clips = Counter(int(item) % 48 for batch in every(plan) for item in batch.items)
    assert [clips[n] for n in range(1, 6)] == [2, 1, 1, 1, 1] or sum(
        clips[n] for n in range(1, 6)
    ) == 6
    assert max(clips[n] for n in range(1, 6)) == 2
    assert max(clips[n] for n in range(8, 48)) == 1


def test_a_batch_has_groups_of_one_speaker_and_each_speaker_once() -> None:
    plan = batches_of([3] * 7, batch=12, together=3)
    for batch in every(plan):
        groups = batch.targets.reshape(-1, 3)
        assert (groups == groups[:, :1]).all()
        assert len(set(groups[:, 0].tolist())) == len(groups) == 4


def test_no_crop_of_an_epoch_has_the_number_of_another() -> None:
    plan = batches_of([1, 2, 3], batch=6, together=2, crops=10, speeds=(0.9, 1.1))
    numbers = [int(item) for batch in every(plan) for item in batch.items]
    assert len(set(numbers)) == len(numbers) == plan.crops


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 15), st.integers(0, 99))
def test_turns_are_permutations_and_batches_of_them_have_nobody_twice(
    count: int, rounds: int, width: int, seed: int
) -> None:
    order = turns(count, rounds, width=width, rng=np.random.default_rng(seed))
    for number in range(rounds):
        assert sorted(order[number * count : (number + 1) * count]) == list(range(count))
    if width <= count:
        for start in range(0, len(order), width):
            batch = order[start : start + width]
            assert len(set(batch.tolist())) == len(batch)


def assert_alike(one: Batch, other: Batch) -> None:
    assert np.array_equal(one.items, other.items)
    assert torch.equal(one.samples, other.samples)
    assert torch.equal(one.targets, other.targets)


def test_a_step_depends_on_seed_epoch_and_step_alone() -> None:
    first = every(batches_of([2, 3, 4]))
    for number, batch in enumerate(every(batches_of([2, 3, 4]))):
        assert_alike(batch, first[number])
    resumed = list(batches_of([2, 3, 4]).batches(epoch=0, first=2, share=ALONE))
    assert len(resumed) == len(first) - 2
    for number, batch in enumerate(resumed):
        assert_alike(batch, first[2 + number])
    for other in (every(batches_of([2, 3, 4]), epoch=1), every(batches_of([2, 3, 4], seed=1))):
        assert any(not np.array_equal(a.items, b.items) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_processes_share_a_batch_out_in_whole_groups_with_nothing_twice(processes: int) -> None:
    plan = batches_of([3] * 5, batch=8, together=2)
    for number, whole in enumerate(every(plan)):
        parts = [every(plan, share=Share(rank=r, of=processes))[number] for r in range(processes)]
        held = [part for part in parts if part.share]
        items = np.concatenate([part.items for part in held])
        assert sorted(items) == sorted(whole.items)
        assert sum(part.share for part in parts) == pytest.approx(processes)
        assert len({part.samples.shape[1] for part in parts}) == 1
        for part in parts:
            assert (part.targets.reshape(-1, 2)[:, 0] == part.targets.reshape(-1, 2)[:, 1]).all()


def test_crops_have_one_length_a_batch_within_its_bounds_and_stay_in_their_recording() -> None:
    plan = batches_of([3, 3, 3], crops=40)
    found = every(plan)
    lengths = {batch.samples.shape[1] for batch in found}
    assert min(lengths) >= 100
    assert max(lengths) <= 200
    assert len(lengths) > 3
    for batch in found:
        assert batch.lengths is None
        clips = torch.from_numpy(batch.items % 9)[:, None] / 32768
        torch.testing.assert_close(batch.samples, clips.expand_as(batch.samples))


def test_a_recording_shorter_than_the_crop_is_taken_whole_and_said_to_be() -> None:
    plan = batches_of([2, 2, 2], samples=60)
    for batch in every(plan):
        assert batch.lengths is not None
        assert (batch.lengths == 60).all()
        assert not batch.samples[:, 60:].any()


def test_a_speaker_at_another_speed_is_another_speaker() -> None:
    plan = batches_of([2, 2, 2], batch=3, speeds=(0.9, 1.1))
    assert plan.voices == 9
    heard = Counter(torch.cat([batch.targets for batch in every(plan)]).tolist())
    assert heard == dict.fromkeys(range(9), 6)
    epoch = plan.epoch(0)
    assert {(voice // 3, speed) for voice, speed in zip(epoch.voices, epoch.speeds, strict=True)} == {
        (0, 0), (1, -10), (2, 10),
    }  # fmt: skip
    for item, voice in zip(epoch.items, epoch.voices, strict=True):
        assert plan.split.speakers[item % 6] == voice % 3


@pytest.mark.parametrize("change", [-10, 10, 25])
def test_a_tone_played_faster_is_higher_and_shorter(change: int) -> None:
    rate_hz, hz = 8000, 500
    tone = torch.sin(2 * torch.pi * hz * torch.arange(8000) / rate_hz)
    played = at_speed(tone, change, kernels=speed_kernels(25))
    assert len(played) == 8000 * 100 // (100 + change)
    spectrum = torch.fft.rfft(played * torch.hann_window(len(played))).abs()
    found_hz = spectrum.argmax().item() * rate_hz / len(played)
    assert found_hz == pytest.approx(hz * (100 + change) / 100, abs=2)
    assert played.abs().max() == pytest.approx(1.0, abs=0.02)


def test_crops_at_another_speed_are_full_where_the_recording_is_long_enough() -> None:
    plan = batches_of([2, 2, 2], speeds=(0.8, 1.3))
    assert all(batch.lengths is None for batch in every(plan))


def test_fewer_crops_than_a_batch_make_one_step() -> None:
    plan = batches_of([1, 1], batch=64, crops=3)
    assert (plan.steps, plan.crops) == (1, 6)
    assert len(every(plan)[0].items) == 6
