"""Many recordings into many voices: whole or not at all, none lost and none twice."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from converters import MEL, write_converter, write_vocoder, write_voice
from sonant import audio, converting
from sonant.conversion import inspecting
from sonant.converting import Wanted, ledger
from sonant.errors import BundleError, Interrupted, ManifestError
from sonant.events import Event, Note, Working
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_converter(tmp_path_factory.mktemp("converter"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources as flac files three folders deep, two target voices in two formats."""
    root = tmp_path_factory.mktemp("clips")
    for number, hz in enumerate((100.0, 120.0, 140.0, 160.0)):
        write_voice(root / f"source/{number % 2}/{number}/{number}-0.flac", hz, seconds=0.6)
    write_voice(root / "target/anna.wav", 210.0, seconds=1.0)
    write_voice(root / "target/bert.ogg", 90.0, seconds=1.0, rate_hz=22_050)
    return root


def wanted(clips: Path) -> Wanted:
    return Wanted(
        sources=(clips / "source",),
        targets=(clips / "target",),
        njobs=2,
        melody=False,
        plots=1,
        key=None,
    )


def run(bundle: Path, asked: Wanted, out: Path, **kwargs: object) -> converting.Done:
    converter = converting.open_converter(
        bundle, None, nested=False, seglen_s=asked.seglen_s, on_event=lambda event: None
    )
    return converting.convert(converter, asked, out=out, **kwargs)  # type: ignore[arg-type]


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / ledger.MANIFEST).open(newline="") as file:
        return list(csv.DictReader(file))


def assert_rows_are_files(out: Path) -> None:
    rows = rows_of(out)
    files = {path.relative_to(out).as_posix() for path in out.glob("wav/*")}
    assert sorted(row["path"] for row in rows) == sorted(files)
    assert all(ledger.digest(out / row["path"]) == row["sha256"] for row in rows)


def test_every_pair_becomes_a_file_a_spectrogram_and_a_row(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    done = run(bundle, wanted(clips), tmp_path / "out")
    assert (len(done.rows), done.made, done.skipped) == (8, 8, ())
    assert_rows_are_files(tmp_path / "out")
    row = next(row for row in rows_of(tmp_path / "out") if row["path"] == "wav/2-0_to_bert.wav")
    assert row["source"] == str(clips / "source/0/2/2-0.flac")
    assert row["voice_files"] == str(clips / "target/bert.ogg")
    assert (row["vocoder"], row["seed"], row["watermark"]) == ("griffin-lim", "0", "no")
    mel = np.load(tmp_path / "out/mel/2-0_to_bert.npy", allow_pickle=False)
    assert mel.shape == (MEL.mels, MEL.frames(round(0.6 * RATE_HZ)))
    assert audio.read(tmp_path / "out/wav/2-0_to_bert.wav").duration_s == pytest.approx(0.6)
    assert [path.name for path in (tmp_path / "out/plot").iterdir()] == ["0-0_to_anna.png"]
    assert done.report.read_text().startswith("<!doctype html>")


def test_the_files_say_what_they_are(bundle: Path, clips: Path, tmp_path: Path) -> None:
    asked = replace(wanted(clips), pairs="random 1", key="ours")
    done = run(bundle, asked, tmp_path / "out")
    (row,) = done.rows
    found = inspecting.inspect(tmp_path / "out" / row["path"], key="ours")
    assert found.origin is not None
    assert found.origin.model == row["model"]
    assert float(row["mark_db"]) > 25


def test_results_do_not_depend_on_the_number_of_jobs(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    sums = []
    for njobs in (1, 3):
        out = tmp_path / str(njobs)
        done = run(bundle, replace(wanted(clips), njobs=njobs), out)
        sums.append({row["path"]: row["sha256"] for row in done.rows})
    assert sums[0] == sums[1]


def test_a_second_run_makes_only_what_is_missing(bundle: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(bundle, wanted(clips), out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("wav/*")}
    lost = out / "wav/1-0_to_anna.wav"
    lost.unlink()
    done = run(bundle, wanted(clips), out)
    assert (len(done.rows), done.made) == (8, 1)
    assert_rows_are_files(out)
    after = {path: path.stat().st_mtime_ns for path in out.glob("wav/*")}
    assert {path for path in before if after[path] != before[path]} == {lost}


def test_a_file_without_its_row_is_made_again(bundle: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(bundle, wanted(clips), out)
    manifest = out / ledger.MANIFEST
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))
    assert run(bundle, wanted(clips), out).made == 1
    assert_rows_are_files(out)


PROGRAM = """
import sys
from pathlib import Path
from sonant import converting
from sonant.converting import Wanted

bundle, clips, out = map(Path, sys.argv[1:])
converter = converting.open_converter(
    bundle, None, nested=False, seglen_s=20.0, on_event=lambda event: None
)
wanted = Wanted(
    sources=(clips / "source",), targets=(clips / "target",), njobs=2, melody=False, plots=1,
    key=None,
)
print("made", converting.convert(converter, wanted, out=out).made, flush=True)
"""


@contextmanager
def started(bundle: Path, clips: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", PROGRAM, str(bundle), str(clips), str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_killed_half_way_it_goes_on_and_nothing_is_lost_or_twice(
    bundle: Path, tmp_path: Path
) -> None:
    clips = tmp_path / "clips"
    for number in range(12):
        write_voice(clips / f"source/{number}.wav", 100.0 + number, seconds=2.5)
    write_voice(clips / "target/anna.wav", 210.0, seconds=1.0)
    out = tmp_path / "out"
    with started(bundle, clips, out) as process:
        while process.poll() is None and len(list(out.glob("wav/[0-9]*"))) < 4:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # Killed, not done: otherwise this test shows nothing.
        assert process.returncode == -signal.SIGKILL
    there = {path.name: path.stat().st_mtime_ns for path in out.glob("wav/[0-9]*")}
    rows = {Path(row["path"]).name for row in rows_of(out)}
    # Rows come after their files, at once: no row is without one, and each job is one ahead at most.
    assert rows <= set(there)
    assert len(there) - len(rows) <= 2
    assert 4 <= len(there) < 12
    with started(bundle, clips, out) as process:
        printed, _ = process.communicate()
    assert printed == f"made {12 - len(rows)}\n"
    assert_rows_are_files(out)
    assert len(rows_of(out)) == 12
    assert all((out / "wav" / name).stat().st_mtime_ns == there[name] for name in rows)


def test_stopped_by_hand_it_says_so_and_keeps_what_is_whole(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Working) and (event.what, event.done) == ("converting", 2):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 2 of 8 .* goes on"):
        run(bundle, wanted(clips), tmp_path / "out", on_event=stop)
    assert_rows_are_files(tmp_path / "out")
    assert len(run(bundle, wanted(clips), tmp_path / "out").rows) == 8


def test_recordings_of_no_use_are_named_before_anything_is_made(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(RATE_HZ), RATE_HZ)
    asked = replace(wanted(clips), sources=(silent, clips / "source"), pairs="all")
    with pytest.raises(ManifestError, match=r"1 of 7 .*silent\.wav: is silent.*--skip-unreadable"):
        run(bundle, asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = run(bundle, replace(asked, skip_unreadable=True), tmp_path / "out")
    assert len(done.rows) == 8
    assert done.skipped == (f"{silent}: is silent, there is no voice in it",)


def test_a_voice_does_without_those_of_its_recordings_that_are_of_no_use(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    good = write_voice(tmp_path / "voice/good.wav", 200.0)
    soundfile.write(tmp_path / "voice/silent.wav", np.zeros(RATE_HZ), RATE_HZ)
    asked = replace(
        wanted(clips),
        sources=(clips / "source/0/0",),
        targets=(tmp_path / "voice",),
        voices="folder",
        skip_unreadable=True,
    )
    (row,) = run(bundle, asked, tmp_path / "out").rows
    assert (row["path"], row["voice_files"]) == ("wav/0-0_to_voice.wav", str(good))


def test_a_folder_of_another_seed_is_refused(bundle: Path, clips: Path, tmp_path: Path) -> None:
    asked = replace(wanted(clips), pairs="random 1")
    run(bundle, asked, tmp_path / "out")
    with pytest.raises(ManifestError, match="was made with seed 0, not 1"):
        run(bundle, replace(asked, seed=1), tmp_path / "out")


def test_a_name_that_stands_for_another_recording_is_refused(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = replace(wanted(clips), targets=(clips / "target/anna.wav",))
    run(bundle, replace(asked, sources=(clips / "source/0",)), out)
    other = write_voice(tmp_path / "0-0.wav", 130.0)
    with pytest.raises(ManifestError, match=r"wav/0-0_to_anna\.wav was made of"):
        run(bundle, replace(asked, sources=(other,)), out)


def test_the_outlook_says_what_would_be_and_writes_nothing(
    bundle: Path, clips: Path, tmp_path: Path
) -> None:
    converter = converting.open_converter(
        bundle, None, nested=False, seglen_s=20.0, on_event=lambda event: None
    )
    found = converting.outlook(converter, wanted(clips))
    assert (found.conversions, found.recordings) == (8, 6)
    assert found.seconds == pytest.approx(8 * 0.6)
    done = run(bundle, wanted(clips), tmp_path / "out")
    size = sum(path.stat().st_size for path in tmp_path.glob("out/[wm]*/*"))
    assert found.bytes == pytest.approx(size, rel=0.1)
    assert [f"wav/{pair.name}.wav" for pair in found.first] == [row["path"] for row in done.rows]


def test_scores_of_voices_stand_in_the_rows(bundle: Path, clips: Path, tmp_path: Path) -> None:
    asked = replace(wanted(clips), speaker=write_voices(tmp_path / "voices"))
    done = run(bundle, asked, tmp_path / "out")
    assert all(-1 <= float(row["cosine_target"]) <= 1 for row in done.rows)
    # Nobody calibrated this bundle, so it decides nothing.
    assert {row["accepted"] for row in done.rows} == {""}
    figures = done.to_json()
    assert figures["moved_to_target"]["pairs"] == 8
    assert "accept_rate" not in figures


def test_a_vocoder_can_be_nested_first(bundle: Path, tmp_path: Path) -> None:
    notes: list[Event] = []
    vocoder = write_vocoder(tmp_path)
    own = write_converter(tmp_path)
    made = converting.open_converter(
        own, str(vocoder), nested=True, seglen_s=20.0, on_event=notes.append
    )
    assert made.card.path == own.parent / "2"
    assert notes == [Note(f"written: {own.parent / '2'}, with the vocoder in it")]
    with pytest.raises(BundleError, match="name it with --vocoder"):
        converting.open_converter(
            bundle, "griffin-lim", nested=True, seglen_s=20.0, on_event=notes.append
        )


def test_nesting_it_again_writes_no_other_version(tmp_path: Path) -> None:
    vocoder, own, notes = write_vocoder(tmp_path), write_converter(tmp_path), list[Event]()
    for _ in range(2):
        made = converting.open_converter(
            own.parent, str(vocoder), nested=True, seglen_s=20.0, on_event=notes.append
        )
    assert made.card.path == own.parent / "2"
    assert made.vocoder.name != "griffin-lim"
    assert len(notes) == 1
