"""A store as a text file: out, in again, and what a broken file is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.errors import StoreError
from sonant.speakers.exchange import export_speakers, import_speakers
from sonant.speakers.store import SpeakerStore
from voices import MODEL, OTHER_MODEL, crowd, voice


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Three speakers as a file; a source and a name hold what else ends a line."""
    with SpeakerStore(tmp_path / "first.sqlite") as store:
        store.enroll_all(crowd(2, utterances=3), model_digest=MODEL)
        store.enroll("Zoë\u00a0", voice(9), model_digest=MODEL, sources=["a\u2028b", "c\nd", ""])
        assert export_speakers(store, tmp_path / "speakers.jsonl") == 9
    return tmp_path / "speakers.jsonl"


def test_what_goes_out_comes_in_again_to_the_bit(
    told: Path, tmp_path: Path, store: SpeakerStore
) -> None:
    assert import_speakers(store, told) == 3
    assert store.names() == ["Zoë", "speaker 0", "speaker 1"]
    export_speakers(store, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == told.read_bytes()
    assert store.identify(voice(9)[1], 1, model_digest=MODEL)[0].name == "Zoë"


def test_what_is_there_stays_and_the_same_again_adds_nothing(told: Path, tmp_path: Path) -> None:
    with SpeakerStore(tmp_path / "second.sqlite") as store:
        store.enroll("speaker 0", voice(50), model_digest=MODEL)
        import_speakers(store, told)
        import_speakers(store, told)
        assert {one.name: one.utterances for one in store.speakers()} == {
            "Zoë": 3,
            "speaker 0": 6,
            "speaker 1": 3,
        }


def test_another_models_speakers_stay_out(told: Path, tmp_path: Path) -> None:
    with SpeakerStore(tmp_path / "second.sqlite") as store:
        store.enroll("Ada", voice(1), model_digest=OTHER_MODEL)
        with pytest.raises(StoreError, match="cannot be compared"):
            import_speakers(store, told)
        assert store.names() == ["Ada"]


def test_nobody_is_no_file(tmp_path: Path) -> None:
    with (
        SpeakerStore(tmp_path / "empty.sqlite") as store,
        pytest.raises(StoreError, match="nothing to export"),
    ):
        export_speakers(store, tmp_path / "none.jsonl")
    assert not (tmp_path / "none.jsonl").exists()


def cut_off(lines: list[str]) -> list[str]:
    return lines[:-1]


def one_less(lines: list[str]) -> list[str]:
    return [*lines[:3], *lines[4:]]


def newer(lines: list[str]) -> list[str]:
    return [lines[0].replace('"format": 1', '"format": 2'), *lines[1:]]


def other_kind(lines: list[str]) -> list[str]:
    return lines[1:]


def no_vector(lines: list[str]) -> list[str]:
    row = json.loads(lines[2])
    return [*lines[:2], json.dumps({**row, "vector": "§"}), *lines[3:]]


def another_key(lines: list[str]) -> list[str]:
    row = json.loads(lines[2])
    return [*lines[:2], json.dumps({**row, "more": "x"}), *lines[3:]]


def no_json(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[2][:-1], *lines[3:]]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (cut_off, "last line is missing"),
        (one_less, "counts otherwise"),
        (newer, "has format 2, want 1"),
        (other_kind, "not that of exported speakers"),
        (no_vector, "line 3: vector"),
        (another_key, "line 3: want text under name, source, enrolled, vector"),
        (no_json, "line 3 is no JSON"),
    ],
)
def test_a_broken_file_brings_nobody(
    told: Path, tmp_path: Path, spoil: Callable[[list[str]], list[str]], complaint: str
) -> None:
    lines = told.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    told.write_text("\n".join(spoil(lines)) + "\n", encoding="utf-8")
    with SpeakerStore(tmp_path / "second.sqlite") as store:
        with pytest.raises(StoreError, match=complaint):
            import_speakers(store, told)
        assert store.names() == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        SpeakerStore(tmp_path / "empty.sqlite") as store,
        pytest.raises(StoreError, match=r"nowhere\.jsonl: cannot be read"),
    ):
        import_speakers(store, tmp_path / "nowhere.jsonl")
