"""The page about a folder of conversions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bundles import RATE_HZ
from converted_rows import SCORED, row
from converters import voice, write_converter, write_voice
from sonant import audio
from sonant.audio import Clip
from sonant.card import Card
from sonant.converting import report
from sonant.converting.copies import Copied

COPIED = Copied(path=Path("a.wav"), mcd_db=2.5, stoi=0.97, pesq=None, cosine=0.9, accepted=True)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card.read(write_converter(tmp_path / "models"))


def test_every_figure_stands_on_the_page(card: Card, tmp_path: Path) -> None:
    html = report.write(tmp_path, SCORED, copied=[COPIED], card=card).read_text()
    for text in ("+0.445", "95 % interval", "50.0 %", "12.00 semitones", "90.0 %", "6.000 dB"):
        assert text in html, text
    for title in ("Whose voice is heard", "Melody", "Words", "The vocoder by itself", "Listen"):
        assert f"<h2>{title}</h2>" in html, title
    assert "Convert only voices of people who agreed to it" in html
    assert "PESQ" not in html
    assert "STOI" in html


def test_sections_without_figures_are_left_out(card: Card, tmp_path: Path) -> None:
    html = report.write(tmp_path, [row(1)], copied=[], card=card).read_text()
    assert re.findall("<h2>(.*?)</h2>", html) == ["What was made", "Listen", "Every conversion"]


def test_recordings_can_be_heard_and_those_that_are_gone_are_named(
    card: Card, tmp_path: Path
) -> None:
    source = write_voice(tmp_path / "s.flac", 110.0)
    (tmp_path / "wav").mkdir()
    audio.write(tmp_path / "wav/1_to_anna.wav", Clip(voice(200.0), RATE_HZ))
    shown = row(1, source=str(source), voice_files="/gone.wav")
    html = report.write(tmp_path, [shown], copied=[], card=card).read_text()
    assert html.count("<audio") == 2
    assert "/gone.wav" in html


def test_a_long_table_is_cut_and_says_so(card: Card, tmp_path: Path) -> None:
    rows = [row(number) for number in range(report.LISTED + 5)]
    html = report.write(tmp_path, rows, copied=[], card=card).read_text()
    assert f"The first {report.LISTED} of {report.LISTED + 5}" in html
    assert f"{report.LISTED - 1}_to_anna.wav" in html
    assert f">{report.LISTED}_to_anna.wav" not in html
