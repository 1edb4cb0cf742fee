"""The table of a detector: everything that was made, alike in all but the voice, and what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.pipeline import forgeries, spoof_corpus
from sonant.pipeline.forgeries import Forgery
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Gathering
from sonant.spoofing import conditions
from tone_speech import tone_speech

Clips = tuple[Manifest, Path]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Recordings, and a table of forgeries by two generators and two vocoders: the recordings again."""
    folder = tmp_path_factory.mktemp("clips")
    speech = tone_speech(folder / "speech")
    made = [
        Forgery(
            path=item.path,
            speaker=item.speaker,
            split=item.split,
            attack="conversion",
            generator=("first", "second")[number % 2],
            vocoder=("griffin-lim", "vocos")[number // 2 % 2],
        )
        for number, item in enumerate(
            [*speech, *speech.where(split="test"), *speech.where(split="test")]
        )
    ]
    return speech, forgeries.write(folder, made)


def gathered(clips: Clips, folder: Path, **settings: Any) -> Made:
    speech, table = clips
    bench = Bench(
        name="spoofs",
        folder=folder,
        inputs={"data": (speech.save(folder / "speech.csv"),), "spoofs": (table,)},
    )
    wanted = {"data": "d", "spoofs": ("f",), "length_s": 0.2, **settings}
    return spoof_corpus.gather(Gathering(**wanted), bench)


def seen(made: Made, column: str) -> dict[str, set[str]]:
    """Values of a column by split."""
    found = Manifest.load(made.path)
    said = conditions.read(made.path, found)
    return {
        split: {
            value for i in found.where(split=split) if (value := conditions.of(i, said).get(column))
        }
        for split in found.splits
    }


def test_a_table_of_forgeries_says_how_each_was_made(clips: Clips) -> None:
    _, table = clips
    found = Manifest.load(table)
    said = conditions.read(table, found)
    assert {item.label for item in found} == {"spoof"}
    assert conditions.of(found.items[0], said) == {
        "attack": "conversion", "generator": "first", "vocoder": "griffin-lim",
    }  # fmt: skip


def test_what_is_held_out_is_in_the_test_alone(clips: Clips, tmp_path: Path) -> None:
    made = gathered(clips, tmp_path, held_out_generators=("second",), held_out_vocoders=("vocos",))
    assert seen(made, "generator")["train"] == {"first"}
    assert seen(made, "vocoder")["train"] == {"griffin-lim"}
    assert seen(made, "generator")["test"] == {"first", "second"}
    assert "vocos" in seen(made, "vocoder")["test"]


def test_no_speaker_stands_on_two_sides_and_every_clip_is_of_one_length(
    clips: Clips, tmp_path: Path
) -> None:
    found = Manifest.load(gathered(clips, tmp_path).path)
    sides = [{item.speaker for item in found.where(split=split)} for split in found.splits]
    assert sum(map(len, sides)) == len(set.union(*sides))
    sizes = {item.path.stat().st_size for item in found}
    assert len(sizes) == 1
    assert set(found.labels) == {"bonafide", "spoof"}


def test_recordings_are_limited_by_split(clips: Clips, tmp_path: Path) -> None:
    made = gathered(clips, tmp_path, bonafide=2)
    assert made.figures["train bonafide"] == 2
    assert made.figures["train spoof"] > 2


def test_holding_out_what_made_nothing_is_refused(clips: Clips, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"third made no clip of the test; .*: first, second"):
        gathered(clips, tmp_path, held_out_generators=("third",))
