"""Events of long audio as clips that somebody names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ, SAMPLES, TONES_HZ
from sonant import audio, reviewing
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.reviewing import Answers, Finding, cut, findings, keys
from tone_data import write_long
from tone_stream import LABELS

SAID = ("_silence_", "_silence_", "high", "_silence_", "low", "_silence_", "_silence_")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """`high` from 1.0 to 1.5 s and `low` from 2.0 to 2.5 s."""
    return write_long(tmp_path / "long" / "day.wav", SAID)


def table(recording: Path, *rows: str) -> Path:
    path = recording.parent / "said.csv"
    path.write_text("path,label,start,end\n" + "".join(f"day.wav,{row}\n" for row in rows))
    return path


def test_without_a_table_every_event_is_listed(stream_bundle: Path, recording: Path) -> None:
    found = list(findings(stream_bundle, recording))
    assert [(one.kind, one.label) for one in found] == [("event", "high"), ("event", "low")]
    assert 1.0 < found[0].time_s < 1.2
    assert all(0.5 <= one.score <= 1.0 for one in found)


def test_with_a_table_only_false_alarms_and_misses_are(
    stream_bundle: Path, recording: Path
) -> None:
    said = table(recording, "high,1.0,1.5", "mid,2.6,3.0")
    found = list(findings(stream_bundle, recording, table=said))
    assert [(one.kind, one.label) for one in found] == [("false alarm", "low"), ("miss", "mid")]
    assert found[1].time_s == 3.0
    assert found[1].score < 0.1


def test_the_score_of_a_miss_is_the_best_of_its_label(stream_bundle: Path, recording: Path) -> None:
    # The occurrence is said to begin when its event is told already.
    said = table(recording, "high,1.3,1.5", "low,2.0,2.5")
    false_alarm, miss = findings(stream_bundle, recording, table=said)
    assert (false_alarm.kind, miss.kind) == ("false alarm", "miss")
    assert miss.score > 0.9


def test_clips_are_as_long_as_training_had_them_and_lie_in_the_recording(
    stream_bundle: Path, recording: Path
) -> None:
    early = write_long(recording.parent / "early.wav", ("high", "_silence_", "_silence_"))
    for one in [*findings(stream_bundle, recording), *findings(stream_bundle, early)]:
        assert one.start_s >= 0
        assert one.end_s - one.start_s == pytest.approx(SAMPLES / RATE_HZ)


def test_a_clip_holds_what_was_heard(stream_bundle: Path, tmp_path: Path) -> None:
    said = ("_silence_", "_silence_", "low", "_silence_", "_silence_", "mid", "_silence_")
    recording = write_long(tmp_path / "day.wav", said)
    for found in findings(stream_bundle, recording):
        one = cut(found, tmp_path / "clips", rate_hz=RATE_HZ)
        clip = audio.read(one.clip)
        assert (len(clip.samples), clip.rate_hz) == (SAMPLES, RATE_HZ)
        spectrum = np.abs(np.fft.rfft(clip.samples))
        assert spectrum.argmax() == pytest.approx(TONES_HZ[one.label], abs=3)
        # Half of the tone at least.
        assert np.count_nonzero(np.abs(clip.samples) > 0.01) > 0.2 * RATE_HZ


def test_a_clip_that_is_there_is_not_written_again(
    stream_bundle: Path, recording: Path, tmp_path: Path
) -> None:
    found = next(findings(stream_bundle, recording))
    one = cut(found, tmp_path / "clips", rate_hz=RATE_HZ)
    one.clip.write_bytes(b"mine")
    assert cut(found, tmp_path / "clips", rate_hz=RATE_HZ) == one
    assert one.clip.read_bytes() == b"mine"


def test_keys_are_digits_then_letters_and_never_those_with_a_meaning() -> None:
    found = keys([f"word{n}" for n in range(20)] + ["_silence_", "_unknown_"])
    assert list(found)[:11] == [*"123456789ab"]
    assert (found["u"], found["s"]) == ("_unknown_", "_silence_")
    assert not {"p", "q", " "} & set(found)
    assert keys(LABELS)["1"] == "high"


def some(folder: Path, count: int) -> list[Finding]:
    found = []
    for number in range(count):
        clip = write_long(folder / f"{number}.wav", ("low",))
        found.append(
            Finding(
                kind="event",
                label="low",
                score=0.9,
                time_s=1.0,
                path=clip,
                start_s=0.0,
                end_s=1.0,
                clip=clip,
            )
        )
    return found


def test_every_answer_is_a_row_at_once_and_what_is_answered_is_not_asked_again(
    tmp_path: Path,
) -> None:
    found, path = some(tmp_path / "clips", 4), tmp_path / "reviewed.csv"
    answers = Answers(path)
    assert answers.open(found) == found
    answers.add(found[0], "low")
    answers.add(found[2], "_unknown_")  # the one between was skipped
    rows = Manifest.load(path)
    assert [(row.path.name, row.label, row.split) for row in rows] == [
        ("0.wav", "low", "train"),
        ("2.wav", "_unknown_", "train"),
    ]
    assert "clips/0.wav" in path.read_text()
    assert Answers(path).open(found) == found[3:]


def test_rows_that_were_there_before_stay(tmp_path: Path) -> None:
    path = tmp_path / "reviewed.csv"
    own = Item(path=write_long(tmp_path / "own.wav", ("mid",)), label="mid", split="validation")
    Manifest(items=(own,)).save(path)
    answers = Answers(path)
    (one,) = some(tmp_path / "clips", 1)
    answers.add(one, "low")
    assert [row.label for row in Manifest.load(path)] == ["mid", "low"]
    assert Manifest.load(path).items[0].split == "validation"


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reviewed.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ManifestError, match="audio files"):
        Answers(tmp_path / "reviewed.csv")
    assert reviewing.KEYS.isascii()
