"""The store's file: what it is, what it is not, and what a kill in the middle leaves."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sonant.errors import StoreError
from sonant.speakers.store import SpeakerStore
from voices import MODEL, voice

ENROLLING = """
import sys
import numpy as np
from sonant.speakers.store import SpeakerStore

path, first = sys.argv[1], int(sys.argv[2])
with SpeakerStore(path) as store:
    for number in range(first, first + 1_000_000):
        draws = np.random.default_rng(number).standard_normal((60, 32)) + 1.0
        store.enroll(f"speaker {number}", draws, model_digest="m", sources=["x" * 40] * 60)
        print(number, flush=True)
"""

KILLED_AT = """
import os, signal, sys
import numpy as np
from sonant.speakers.sqlite import SqliteDatabase
from sonant.speakers.store import SpeakerStore

path, last = sys.argv[1], int(sys.argv[2])
with SpeakerStore(path) as store:
    asked = store._database._query
    done = 0

    def query(statement, *values):
        global done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return asked(statement, *values)

    store._database._query = query
    store.enroll("Ada", np.eye(3, 4) + 0.1, model_digest="m", replace=True)
print("finished")
"""


def whole(path: Path, *, utterances: int) -> list[str]:
    """Who is in the store; the file is sound, and everybody in it has all their utterances."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with SpeakerStore(path) as store:
        assert {one.utterances for one in store.speakers()} <= {utterances}
        names = store.names()
        _, kept = store.snapshot()
        found = store.identify(kept[0].vector, len(names) + 1, model_digest="m")
        assert sorted(one.name for one in found) == names
    return names


def test_killed_while_enrolling_every_finished_one_is_whole_and_no_half_one_is_there(
    tmp_path: Path,
) -> None:
    path, finished, draws = tmp_path / "speakers.sqlite", set(), random.Random(5)
    for _ in range(6):
        first = 1 + max(finished, default=-1)
        command = [sys.executable, "-c", ENROLLING, str(path), str(first + 1000)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(draws.randint(3, 20)):
            finished.add(int(process.stdout.readline()))
        # Not just after a line, when nothing is being written.
        time.sleep(draws.uniform(0.0, 0.02))
        process.send_signal(signal.SIGKILL)
        # What was printed between our last look and the kill is finished as well.
        finished |= {int(line) for line in process.stdout.read().split("\n") if line}
        process.wait()
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
        names = whole(path, utterances=60)
        # The one that was being told of when the kill came may be there, and then it is whole.
        extra = {int(name.split()[1]) for name in names} - finished
        assert {f"speaker {number}" for number in finished} <= set(names)
        assert len(extra) <= 1
        finished |= extra


def test_a_kill_between_any_two_statements_leaves_the_speaker_as_before(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    before = voice(1, utterances=5, size=4)
    with SpeakerStore(path) as store:
        store.enroll("Ada", before, model_digest="m")
    for statement in (1, 4, 6, 8, 10, 11):
        done = subprocess.run(
            [sys.executable, "-c", KILLED_AT, str(path), str(statement)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, (statement, done.stdout, done.stderr)
        assert whole(path, utterances=5) == ["Ada"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(path), "0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "finished\n"
    assert whole(path, utterances=3) == ["Ada"]


def test_processes_that_enrol_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    program = ENROLLING.replace("1_000_000", "15")
    # Nobody has made the file yet: all of them try.
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(100 * number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        _, complaint = process.communicate()
        assert process.returncode == 0, complaint
    wanted = [f"speaker {100 * one + number}" for one in range(3) for number in range(15)]
    assert whole(path, utterances=60) == sorted(wanted)


def test_a_forgotten_voice_and_name_are_not_in_the_files_any_more(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    with SpeakerStore(path) as store:
        store.enroll("Bo", voice(2), model_digest=MODEL)
        store.enroll("Adalbert", voice(1, utterances=40), model_digest=MODEL, sources=["y"] * 40)
        kept = voice(1, utterances=40)[3].tobytes()
        files = lambda: b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: E731
        assert kept in files()
        assert b"Adalbert" in files()
        store.forget("Adalbert")
        assert kept not in files()
        assert b"Adalbert" not in files()


def test_a_store_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    with SpeakerStore(path) as store:
        store.enroll("Ada", voice(1), model_digest=MODEL)
        if os.name == "posix":
            assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_a_store_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sqlite"
    with pytest.raises(StoreError, match="no such store"):
        SpeakerStore(path, create=False)
    assert not path.exists()
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        SpeakerStore(tmp_path / "no folder" / "speakers.sqlite")


def test_a_file_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are my notes, and there are many of them\n" * 100)
    with pytest.raises(StoreError, match="is no speaker store"):
        SpeakerStore(text)
    assert text.read_text().startswith("these are my notes")
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (number)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(StoreError, match="SQLite file of something else"):
        SpeakerStore(other)
    assert other.read_bytes() == before


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    with SpeakerStore(path) as store:
        store.enroll("Ada", voice(1, utterances=400), model_digest=MODEL)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=r"speakers\.sqlite: SQLite says"):
        SpeakerStore(path).speakers()
