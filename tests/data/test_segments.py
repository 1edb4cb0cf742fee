"""Segments of speech: the same for the same seed, epoch and number, from everywhere in the recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.data.cache import ClipStore
from sonant.data.preparation import DataConfig
from sonant.data.segments import Segments, prepare
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest


def store(*lengths: int) -> ClipStore:
    """Recordings whose samples count up from 1, without end."""
    sizes = np.array(lengths, np.int64)
    pcm = np.arange(1, sizes.sum() + 1).astype(np.int16)
    return ClipStore(pcm=pcm, starts=np.cumsum(sizes) - sizes, lengths=sizes, rate_hz=16_000)


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 90), min_size=1, max_size=5),
    length=st.integers(1, 40),
    epoch=st.integers(0, 3),
)
def test_a_segment_lies_whole_in_a_recording_or_has_silence_behind(
    lengths: list[int], length: int, epoch: int
) -> None:
    recordings = store(*lengths)
    segments = Segments(recordings, length=length, count=7)
    (batch,) = segments.batches(size=7, epoch=epoch)
    for samples, (clip, start) in zip(
        (batch.samples * 32768).round().int(),
        segments.places(batch.items, epoch=epoch),
        strict=True,
    ):
        whole = recordings.clip(int(clip))
        kept = min(length, len(whole))
        assert 0 <= start <= len(whole) - kept
        assert samples[:kept].tolist() == whole[start : start + kept].tolist()
        assert not samples[kept:].any()


def test_a_batch_depends_on_nothing_that_came_before() -> None:
    segments = Segments(store(500, 300), length=50, count=20, seed=3)
    whole = list(segments.batches(size=6, epoch=2))
    assert [len(batch.items) for batch in whole] == [6, 6, 6, 2]
    resumed = list(segments.batches(size=6, epoch=2, first=2))
    for one, other in zip(whole[2:], resumed, strict=True):
        assert torch.equal(one.samples, other.samples)
    other_epoch = next(segments.batches(size=6, epoch=3))
    assert not torch.equal(whole[0].samples, other_epoch.samples)


def test_an_epoch_is_as_long_as_the_recordings_side_by_side() -> None:
    assert Segments(store(500, 300), length=50).count == 16
    assert Segments(store(20), length=50).count == 1


def test_long_recordings_are_heard_more_often() -> None:
    segments = Segments(store(1050, 150), length=50, count=2000)
    clips = segments.places(np.arange(2000), epoch=0)[:, 0]
    assert 0.88 < (clips == 0).mean() < 0.94  # 1001 of 1102 places


def items(count: int, **given: str) -> Manifest:
    return Manifest(
        items=tuple(Item(path=Path(f"{n}.wav"), **given) for n in range(count)), name="speech"
    )


def test_a_folder_without_names_is_split_by_recordings() -> None:
    found = prepare(DataConfig(), items(20), seed=0)
    assert set(found.splits) == {"train", "validation", "test"}


def test_where_speakers_are_known_none_stands_in_two_splits() -> None:
    manifest = Manifest(
        items=tuple(Item(path=Path(f"{n}.wav"), speaker=f"s{n % 10}") for n in range(40))
    )
    found = prepare(DataConfig(), manifest, seed=0)
    sides = {(item.speaker, item.split) for item in found}
    assert len(sides) == len({speaker for speaker, _ in sides}) == 10


def test_nothing_to_train_on_is_said() -> None:
    with pytest.raises(ManifestError, match="no clips"):
        prepare(DataConfig(), Manifest(items=(), name="speech"), seed=0)
