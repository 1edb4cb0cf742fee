"""Batches: an order of seed and epoch alone, the same clips whatever the number of processes."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.data.batches import Share, Split, batches, order
from sonant.data.cache import ClipStore

CLIPS, LENGTH, WINDOW = 23, 10, 16


@pytest.fixture
def split() -> Split:
    """Clip `n` is ten samples of the value `n + 1`."""
    values = np.repeat(np.arange(1, CLIPS + 1), LENGTH).astype(np.int16)
    starts = np.arange(CLIPS, dtype=np.int64) * LENGTH
    store = ClipStore(
        pcm=values, starts=starts, lengths=np.full(CLIPS, LENGTH, np.int64), rate_hz=8000
    )
    return Split(
        store=store, targets=np.arange(CLIPS) % 3, window=WINDOW, pad="random", crop="start"
    )


def test_the_order_is_a_permutation_of_seed_and_epoch() -> None:
    first = order(CLIPS, seed=1, epoch=0)
    np.testing.assert_array_equal(first, order(CLIPS, seed=1, epoch=0))
    assert sorted(first) == list(range(CLIPS))
    assert list(first) != list(order(CLIPS, seed=1, epoch=1))
    assert list(first) != list(order(CLIPS, seed=2, epoch=0))


def test_an_epoch_takes_every_clip_once(split: Split) -> None:
    seen = [
        b.items for b in batches(split, size=5, order=order(CLIPS, seed=0, epoch=0), share=Share())
    ]
    assert [len(items) for items in seen] == [5, 5, 5, 5, 3]
    assert sorted(np.concatenate(seen)) == list(range(CLIPS))


def test_an_epoch_can_be_taken_up_in_the_middle(split: Split) -> None:
    whole = list(batches(split, size=5, order=np.arange(CLIPS), share=Share()))
    rest = list(batches(split, size=5, order=np.arange(CLIPS), share=Share(), first=3))
    assert [list(b.items) for b in rest] == [list(b.items) for b in whole[3:]]


@pytest.mark.parametrize("of", [2, 3, 4])
def test_processes_share_each_batch_without_duplicates(split: Split, of: int) -> None:
    whole = list(batches(split, size=6, order=np.arange(CLIPS), share=Share()))
    parts = [
        list(batches(split, size=6, order=np.arange(CLIPS), share=Share(rank=rank, of=of)))
        for rank in range(of)
    ]
    assert {len(part) for part in parts} == {len(whole)}, "all make the same number of steps"
    for number, batch in enumerate(whole):
        counted = [part[number].items for part in parts if part[number].share]
        assert sorted(np.concatenate(counted)) == sorted(batch.items)
        # Mean of the weighted local means = the global mean.
        means = [part[number].targets.float().mean().item() * part[number].share for part in parts]
        assert sum(means) / of == pytest.approx(batch.targets.float().mean().item())


def test_a_process_left_without_a_clip_still_makes_the_step_at_no_weight(split: Split) -> None:
    last = list(batches(split, size=22, order=np.arange(CLIPS), share=Share(rank=1, of=2)))[-1]
    assert (len(last.items), last.share) == (1, 0.0)


def test_where_a_clip_is_placed_depends_on_the_clip_not_the_batch(split: Split) -> None:
    wide = next(
        iter(batches(split, size=CLIPS, order=np.arange(CLIPS), share=Share(), draws=(7, 2)))
    )
    for narrow in batches(
        split, size=4, order=np.arange(CLIPS)[::-1].copy(), share=Share(), draws=(7, 2)
    ):
        for item, samples in zip(narrow.items, narrow.samples, strict=True):
            np.testing.assert_array_equal(samples, wide.samples[item])


def test_placing_moves_between_epochs_and_stays_in_the_middle_without_draws(split: Split) -> None:
    every = np.arange(CLIPS)
    one, other = (
        next(iter(batches(split, size=CLIPS, order=every, share=Share(), draws=(7, epoch)))).samples
        for epoch in (0, 1)
    )
    assert (one != other).any()
    still = split.samples(every)
    np.testing.assert_array_equal((still != 0).int().argmax(1), np.full(CLIPS, 3))


def test_samples_are_floats_of_full_scale_one(split: Split) -> None:
    samples = split.samples(np.array([4]))
    assert samples.max().item() == 5 / 32768
