"""Genders of speakers from a table's column or from LibriSpeech's list."""

from __future__ import annotations

from pathlib import Path

from sonant.listing.columns import Columns
from sonant.speakers import genders

LIST = """; ID | SEX | SUBSET | MINUTES | NAME
14   | F | train-clean-360  | 25.03 | Kristin LeMoine
16   | M | train-clean-360  | 25.11 | Alys AtteWater
"""


def test_a_column_of_the_table_says_it(tmp_path: Path) -> None:
    table = tmp_path / "manifest.csv"
    table.write_text(
        "path,speaker,Gender\na.wav,ann,F\nb.wav,ann,female\nc.wav,bob,male\nd.wav,cat,\n"
        "e.wav,dan,m\nf.wav,dan,f\n"
    )
    want = {"ann": "female", "bob": "male"}
    assert genders.known(table) == want
    assert genders.known(tmp_path) == want


def test_the_speaker_column_may_be_named(tmp_path: Path) -> None:
    table = tmp_path / "voices.csv"
    table.write_text("path,who,sex\na.wav,ann,other\n")
    assert genders.known(table) == {}
    assert genders.known(table, asked=Columns(speaker="who")) == {"ann": "other"}


def test_librispeech_says_it_in_a_list_above_its_parts(tmp_path: Path) -> None:
    (tmp_path / "SPEAKERS.TXT").write_text(LIST)
    part = tmp_path / "train-clean-360" / "14"
    part.mkdir(parents=True)
    assert genders.known(part, root=part) == {"14": "female", "16": "male"}


def test_nobody_may_have_written_it_down(tmp_path: Path) -> None:
    assert genders.known(tmp_path) == {}
