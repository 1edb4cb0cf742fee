"""Long recordings with known event times: where clips lie, how loud the noise is, what is the same again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ, write_tone
from sonant.audio import to_pcm16
from sonant.data.recordings import Recordings
from sonant.detection.stitching import LEAD_S, Recording, Stitching, stitch
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item

WORDS = ("high", "low", "mid")


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return [
        Item(path=write_tone(tmp_path / f"{n}.wav", label, seconds=0.5), label=label)
        for n, label in enumerate(WORDS * 2)
    ]


@pytest.fixture
def noise() -> Recordings:
    pcm = to_pcm16(np.random.default_rng(0).normal(0, 0.3, 4 * RATE_HZ).clip(-1, 1))
    lengths = np.array([3 * RATE_HZ, RATE_HZ])
    return Recordings(pcm=pcm, starts=np.array([0, 3 * RATE_HZ]), lengths=lengths)


def stitched(items: list[Item], noise: Recordings | None, **settings: object) -> list[Recording]:
    return list(
        stitch(
            items,
            keywords={"high", "low"},
            background=noise,
            stitching=Stitching(rate_hz=RATE_HZ, **settings),  # type: ignore[arg-type]
        )
    )


def test_every_keyword_stands_where_it_is_said_to(items: list[Item]) -> None:
    (recording,) = stitched(items, None)
    assert sorted(o.label for o in recording.occurrences) == ["high", "high", "low", "low"]
    for occurrence in recording.occurrences:
        start, end = round(occurrence.start_s * RATE_HZ), round(occurrence.end_s * RATE_HZ)
        assert end - start == RATE_HZ // 2
        assert np.abs(recording.samples[start:end]).max() > 0.09
        assert not recording.samples[start - 100 : start].any()


def test_what_is_no_keyword_is_heard_but_is_no_occurrence(items: list[Item]) -> None:
    (recording,) = stitched(items, None)
    power = float(np.square(recording.samples).sum())
    assert power == pytest.approx(6 * RATE_HZ / 2 * 0.1**2 / 2, rel=0.01)


def test_clips_keep_their_distance(items: list[Item]) -> None:
    (recording,) = stitched(items, None, gap_s=(2.0, 3.0))
    starts = [occurrence.start_s for occurrence in recording.occurrences]
    assert starts[0] >= LEAD_S
    assert min(np.diff(starts)) >= 0.5 + 2.0


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_the_noise_is_as_far_below_the_clips_as_asked(
    items: list[Item], noise: Recordings, snr_db: float
) -> None:
    (recording,) = stitched(items, noise, snr_db=snr_db)
    lead = recording.samples[: round(LEAD_S * RATE_HZ)]
    found = 20 * np.log10(0.1 / np.sqrt(2) / np.sqrt(np.mean(lead**2)))
    assert found == pytest.approx(snr_db, abs=0.3)


def test_the_same_seed_gives_the_same_recordings(items: list[Item], noise: Recordings) -> None:
    (one,), (again,), (other,) = (stitched(items, noise, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.samples, again.samples)
    assert one.occurrences == again.occurrences != other.occurrences


def test_a_recording_is_closed_when_it_is_long_enough(items: list[Item]) -> None:
    recordings = stitched(items, None, minutes=0.1)
    assert len(recordings) > 1
    assert sum(len(recording.occurrences) for recording in recordings) == 4
    assert len({recording.name for recording in recordings}) == len(recordings)


def test_a_damaged_clip_stops_it_unless_it_is_to_be_skipped(items: list[Item]) -> None:
    items[0].path.write_bytes(b"no audio")
    with pytest.raises(AudioError, match=r"0\.wav"):
        stitched(items, None)
    kept = stitch(
        items,
        keywords=set(WORDS),
        background=None,
        stitching=Stitching(rate_hz=RATE_HZ),
        skip_unreadable=True,
    )
    assert sum(len(recording.occurrences) for recording in kept) == 5


def test_gaps_that_run_backwards_are_refused() -> None:
    with pytest.raises(ManifestError, match="gaps"):
        Stitching(rate_hz=RATE_HZ, gap_s=(3.0, 1.0))
