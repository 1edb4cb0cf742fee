"""What only a store in PostgreSQL has; what every store does stands in test_store.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sonant.errors import MissingExtra, StoreError
from sonant.speakers.store import SpeakerStore
from voices import MODEL, voice

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")


def test_a_lost_connection_is_made_anew(clean_postgres: str) -> None:
    with SpeakerStore(clean_postgres) as store:
        store.enroll("Ada", voice(1), model_digest=MODEL)
        with psycopg.connect(clean_postgres, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid != pg_backend_pid() AND backend_type = 'client backend'"
            )
        with pytest.raises(StoreError, match="PostgreSQL says"):
            store.enroll("Bo", voice(2), model_digest=MODEL)
        store.enroll("Bo", voice(2), model_digest=MODEL)
        assert store.names() == ["Ada", "Bo"]


def test_processes_that_meet_in_an_empty_database_make_one_store(clean_postgres: str) -> None:
    program = (
        "import sys, numpy as np\n"
        "from sonant.speakers.store import SpeakerStore\n"
        "with SpeakerStore(sys.argv[1]) as store:\n"
        "    for number in range(10):\n"
        "        vectors = np.random.default_rng(number).standard_normal((5, 8)) + 1\n"
        "        store.enroll(f'{sys.argv[2]} {number}', vectors, model_digest='m')\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, clean_postgres, name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c")
    ]
    for process in processes:
        _, complaint = process.communicate()
        assert process.returncode == 0, complaint
    with SpeakerStore(clean_postgres) as store:
        assert len(store.names()) == 30
        assert {one.utterances for one in store.speakers()} == {5}


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"postgresql://127\.0\.0\.1/voices: PostgreSQL") as caught:
        SpeakerStore("postgresql://me:secret@127.0.0.1:1/voices")
    assert "secret" not in str(caught.value)
    with pytest.raises(StoreError, match="URL of the speaker store cannot be read"):
        SpeakerStore("postgresql://[broken")


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"sonant\[postgres\]"):
        SpeakerStore("postgresql://somewhere/voices")
