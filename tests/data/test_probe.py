"""What is measured of a clip, and what is said of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from murmurs import RATE_HZ, murmur, write_murmur
from sonant import audio
from sonant.audio import Clip, Samples
from sonant.data import probe as probing
from sonant.data.probe import Probe, probe_file
from sonant.manifest import Item


def probed(path: Path, **item: float) -> Probe:
    return probe_file(path, [Item(path=path, **item)])[0]  # type: ignore[arg-type]


def written(path: Path, samples: Samples, *, subtype: str = "PCM_16") -> Path:
    return audio.write(path, Clip(samples, RATE_HZ), subtype=subtype)


def test_levels_and_length_are_those_of_the_samples(tmp_path: Path) -> None:
    samples = murmur(1, seconds=0.7)
    found = probed(written(tmp_path / "a.wav", samples))

    assert (found.fault, found.rate_hz, found.samples) == ("", RATE_HZ, len(samples))
    assert found.duration_s == pytest.approx(0.7)
    assert found.peak == pytest.approx(np.ptp(samples) / 2, abs=1e-4)
    assert found.rms == pytest.approx(samples.std(), abs=1e-4)
    assert found.clipped == 0


def test_a_constant_offset_is_no_sound(tmp_path: Path) -> None:
    found = probed(written(tmp_path / "a.wav", np.full(8000, 0.4, np.float32)))

    assert found.peak == found.rms == 0


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_murmur(tmp_path / "a.wav", 2, seconds=2.5)
    item = Item(path=path, start_s=0.3, end_s=2.2)
    whole = probe_file(path, [Item(path=path), item])
    monkeypatch.setattr(probing, "BLOCK_S", 1)
    parts = probe_file(path, [Item(path=path), item])

    assert [part.digest for part in parts] == [one.digest for one in whole]
    assert [part.samples for part in parts] == [40000, 30400]
    assert parts[1].rms == pytest.approx(whole[1].rms)


def test_a_segment_is_measured_by_itself(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros(8000, np.float32), murmur(3)])
    path = written(tmp_path / "a.wav", samples)
    alone = probed(written(tmp_path / "b.wav", murmur(3)))
    quiet, sounding = probe_file(
        path, [Item(path=path, end_s=0.5), Item(path=path, start_s=0.5, end_s=9.0)]
    )

    assert quiet.peak == 0
    assert sounding.digest == alone.digest


def test_a_segment_outside_the_file_is_said_to_be_so(tmp_path: Path) -> None:
    found = probed(write_murmur(tmp_path / "a.wav", 1), start_s=2.0, end_s=3.0)

    assert found.fault == "unreadable"
    assert "lasts 1.000 s" in found.reason


def test_the_gain_of_the_manifest_counts(tmp_path: Path) -> None:
    path = write_murmur(tmp_path / "a.wav", 1)

    assert probed(path, gain=0.5).peak == pytest.approx(probed(path).peak / 2, abs=1e-3)
    assert probed(path, gain=0.0).muted
    assert not probed(path).muted


@pytest.mark.parametrize(("name", "subtype"), [("b.flac", "PCM_16"), ("b.wav", "FLOAT")])
def test_the_digest_does_not_know_the_format(tmp_path: Path, name: str, subtype: str) -> None:
    original = audio.read(write_murmur(tmp_path / "a.wav", 1))
    copy = written(tmp_path / name, original.samples, subtype=subtype)

    assert probed(copy).digest == probed(tmp_path / "a.wav").digest


def test_the_digest_of_stereo_is_that_of_its_mean(tmp_path: Path) -> None:
    mono = audio.read(write_murmur(tmp_path / "a.wav", 1)).samples
    soundfile.write(tmp_path / "b.wav", np.stack([mono, mono], axis=1), RATE_HZ)

    assert probed(tmp_path / "b.wav").digest == probed(tmp_path / "a.wav").digest


def test_other_samples_have_another_digest(tmp_path: Path) -> None:
    digests = {probed(write_murmur(tmp_path / f"{n}.wav", n)).digest for n in range(3)}

    assert len(digests) == 3


@pytest.mark.parametrize("ceiling", [1.0, 0.5])
def test_samples_at_the_ceiling_are_counted(tmp_path: Path, ceiling: float) -> None:
    driven = 20 * murmur(1)
    found = probed(written(tmp_path / "a.wav", np.clip(driven, -ceiling, ceiling)))

    at_ceiling = np.mean(np.abs(driven) >= ceiling)
    assert 0.7 * at_ceiling < found.clipped <= at_ceiling + 0.01


def test_float_samples_beyond_full_scale_count_as_clipped(tmp_path: Path) -> None:
    found = probed(written(tmp_path / "a.wav", 20 * murmur(1), subtype="FLOAT"))

    assert found.clipped > 0.1


def test_loud_but_honest_sound_is_not_clipped(tmp_path: Path) -> None:
    samples = murmur(1)
    found = probed(written(tmp_path / "a.wav", samples / np.abs(samples).max()))

    assert found.peak > 0.9
    assert found.clipped == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_found(tmp_path: Path, bad: float) -> None:
    samples = murmur(1)
    samples[500] = bad

    assert probed(written(tmp_path / "a.wav", samples, subtype="FLOAT")).fault == "not_finite"


@pytest.mark.parametrize(
    ("ending", "subtype"),
    [("wav", "PCM_16"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")],
)
def test_a_file_that_was_cut_off_is_unreadable(tmp_path: Path, ending: str, subtype: str) -> None:
    path = written(tmp_path / f"a.{ending}", murmur(1), subtype=subtype)
    assert probed(path).fault == ""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    found = probed(path)

    assert found.fault == "unreadable"
    assert found.reason


@pytest.mark.parametrize("content", [b"this is a text\n" * 40, bytes(range(256))])
def test_a_file_that_is_no_audio_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)

    assert probed(path).fault == "unreadable"
    assert probed(path).reason


def test_nothing_there_is_told_from_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "zero.wav").touch()
    written(tmp_path / "header.wav", np.zeros(0, np.float32))

    assert probed(tmp_path / "gone.wav").fault == "missing"
    assert probed(tmp_path / "zero.wav").fault == "empty"
    assert probed(tmp_path / "header.wav").fault == "empty"
    assert probed(tmp_path).fault == "unreadable"


def test_a_sketch_does_not_move_with_volume_or_rate(tmp_path: Path) -> None:
    clip = audio.read(write_murmur(tmp_path / "a.wav", 1))
    sketch = probed(tmp_path / "a.wav").sketch
    quiet = probed(written(tmp_path / "b.wav", 0.1 * clip.samples)).sketch
    audio.write(tmp_path / "c.wav", audio.resample(clip, 44100))
    faster = probed(tmp_path / "c.wav").sketch
    other = probed(write_murmur(tmp_path / "d.wav", 2)).sketch

    assert sketch is not None
    assert quiet is not None
    assert faster is not None
    assert other is not None
    assert sketch @ sketch == pytest.approx(1)
    assert sketch @ quiet > 0.999
    assert sketch @ faster > 0.98
    assert sketch @ other < 0.95


@pytest.mark.parametrize("samples", [np.zeros(8000, np.float32), murmur(1)[:100]])
def test_what_has_no_shape_has_no_sketch(tmp_path: Path, samples: Samples) -> None:
    assert probed(written(tmp_path / "a.wav", samples)).sketch is None
