"""What the bytes of a request are read as, and what is not read at all."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import RATE_HZ, tone
from serving.voiced import wav
from sonant.audio import to_pcm16
from sonant.serving import clips
from sonant.serving.clips import MOST_CHANNELS, from_file, from_pcm16
from sonant.serving.status import Code, Refusal


def test_sixteen_bits_are_read_as_they_were_written() -> None:
    samples = np.array([-1.0, 0.0, 0.5], np.float32)
    np.testing.assert_array_equal(from_pcm16(to_pcm16(samples).tobytes(), name="a"), samples)


def test_a_file_keeps_its_own_rate() -> None:
    clip = from_file(wav(tone("low", rate_hz=8000), rate_hz=8000), name="a")
    assert (clip.rate_hz, len(clip.samples)) == (8000, 8000)


def test_what_is_too_long_or_too_wide_is_named_and_not_unpacked() -> None:
    long = wav(np.zeros(3 * RATE_HZ, np.float32), format="FLAC")
    wide = wav(np.zeros((100, MOST_CHANNELS + 1), np.float32))
    for file, says in ((long, "long: lasts 3 s"), (wide, f"with {MOST_CHANNELS + 1} channels")):
        with pytest.raises(Refusal, match=says) as refused:
            from_file(file, name="long", longest_s=2.0)
        assert refused.value.code is Code.INVALID_ARGUMENT


def test_many_channels_at_a_high_rate_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    file = wav(np.zeros((4000, 4), np.float32), rate_hz=192_000, format="FLAC")
    assert len(from_file(file, name="a").samples) == 4000
    monkeypatch.setattr(clips, "MOST_SAMPLES", 15_999)
    with pytest.raises(Refusal, match="a: has 16000 samples; at most 15999"):
        from_file(file, name="a")
