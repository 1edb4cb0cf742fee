"""Recordings made anew one by one: each once, in its split, and kept where a run was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from sonant.errors import Interrupted
from sonant.events import Event
from sonant.manifest import Manifest
from sonant.pipeline import copies
from sonant.pipeline.making import Bench
from sonant.pipeline.settings import Copying, Replaying
from sonant.spoofing import conditions
from tone_speech import tone_speech

SPLITS = ("validation", "test")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    speech = tone_speech(tmp_path / "speech")
    table = speech.save(tmp_path / "speech.csv")
    return Bench(name="anew", folder=tmp_path / "anew", inputs={"data": (table,), "vocoder": ()})


def test_copies_say_whose_they_are_in_which_split_and_through_which_vocoder(bench: Bench) -> None:
    made = copies.copy(Copying(data="d", count=2, splits=SPLITS), bench)
    found = Manifest.load(made.path)
    said = conditions.read(made.path, found)
    assert {(i.speaker, i.split, i.label) for i in found} == {
        ("s8", "validation", "spoof"),
        ("s9", "test", "spoof"),
    }
    assert all(
        dict(conditions.of(item, said))
        == {"attack": "copy-synthesis", "generator": "anew", "vocoder": "griffin-lim"}
        for item in found
    )
    assert made.clips == len(found) == 4
    assert made.seconds == pytest.approx(sum(soundfile.info(i.path).duration for i in found), 1e-2)


def test_copies_can_be_bona_fide_so_that_a_vocoder_tells_nothing(bench: Bench) -> None:
    made = copies.copy(Copying(data="d", count=1, splits=("test",), label="bonafide"), bench)
    assert [item.label for item in Manifest.load(made.path)] == ["bonafide"]


def test_every_replay_has_its_speaker_heard_in_the_same_room(bench: Bench) -> None:
    settings = Replaying(data="d", count=2, splits=SPLITS)
    made = copies.replay(settings, bench)
    found = Manifest.load(made.path)
    said = conditions.read(made.path, found)
    kinds = {(i.label, conditions.of(i, said)["attack"]) for i in found}
    assert kinds == {("spoof", "replay"), ("bonafide", "room")}
    by_name = {item.path.name: item for item in found}
    for name, item in by_name.items():
        other = by_name[name.replace("-replayed", "-live")]
        assert (other.speaker, other.split) == (item.speaker, item.split)
    assert copies.counted(settings)[0] == len(found) == 8


def test_replays_alone_can_be_asked_for(bench: Bench) -> None:
    settings = Replaying(data="d", count=2, splits=("test",), live=False)
    made = copies.replay(settings, bench)
    assert {item.label for item in Manifest.load(made.path)} == {"spoof"}
    assert copies.counted(settings)[0] == made.clips == 2


def test_what_was_done_before_a_stop_is_kept_and_not_done_again(bench: Bench) -> None:
    settings = Copying(data="d", count=2, splits=SPLITS)

    def stop(event: Event) -> None:
        raise Interrupted("enough")

    with pytest.raises(Interrupted):
        copies.copy(settings, Bench(**{**vars_of(bench), "on_event": stop}))
    (first,) = (bench.folder / "wav").iterdir()
    written = first.stat().st_mtime_ns
    assert copies.copy(settings, bench).clips == 4
    assert first.stat().st_mtime_ns == written


def vars_of(bench: Bench) -> dict[str, object]:
    return {"name": bench.name, "folder": bench.folder, "inputs": bench.inputs}
