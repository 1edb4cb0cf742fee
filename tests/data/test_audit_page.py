"""The page of a data check: every finding is on it, some can be heard, and it is well formed."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from murmurs import write_murmur
from sonant import audio
from sonant.audio import Clip
from sonant.data.audit import audit
from sonant.data.audit_page import PLAYERS_PER_KIND, SHOWN, histogram, render
from sonant.manifest import Item, Manifest


def items(root: Path) -> list[Item]:
    return [
        Item(
            path=write_murmur(root / label / f"{n}.wav", 10 * word + n, seconds=0.5),
            label=label,
            split="train" if n else "test",
        )
        for word, label in enumerate(("no", "yes"))
        for n in range(6)
    ]


def rendered(clips: list[Item], *, title: str = "Data check") -> str:
    return render(audit(Manifest(items=tuple(clips), name="<words>")), title=title)


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.data: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag not in ("meta", "img")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.data.append(data)


def words(markup: str) -> str:
    """The text of a page, which must be well formed."""
    parser = Words()
    parser.feed(markup)
    assert parser.depth == 0
    return " ".join(parser.data)


def test_a_good_set_is_all_clear(tmp_path: Path) -> None:
    text = words(rendered(items(tmp_path), title="My check"))

    assert "My check" in text
    assert "<words>" in text
    assert "All clear" in text
    assert "12" in text


def test_every_finding_is_named_with_its_advice(tmp_path: Path) -> None:
    clips = items(tmp_path)
    clips[0].path.write_bytes(b"")
    clips.append(replace(clips[1], path=tmp_path / "gone.wav", label="<odd>"))
    text = words(rendered(clips))

    assert "no/0.wav: the file has 0 bytes" in text
    assert "gone.wav: no such file" in text
    assert "Correct the path or drop the row." in text
    assert str(tmp_path) not in text
    assert "<odd>" in text


def test_labels_are_counted_by_split(tmp_path: Path) -> None:
    clips = [*items(tmp_path), Item(path=tmp_path / "loose.wav")]
    markup = rendered(clips)
    rows = re.findall(r"<tr><td>yes</td>.*?</tr>", markup)

    assert len(rows) == 1
    assert re.findall(r'<td class="num">(.*?)</td>', rows[0]) == ["6", "0.1", "5", "1", "0"]
    assert "no label" in words(markup)


def test_some_findings_can_be_heard(tmp_path: Path) -> None:
    clips = items(tmp_path)
    for n in range(PLAYERS_PER_KIND + 2):
        samples = np.clip(20 * audio.read(clips[n].path).samples, -1, 1)
        audio.write(clips[n].path, Clip(samples, 16000))
    sounds = re.findall(r'<audio [^>]*src="data:audio/wav;base64,([^"]+)"', rendered(clips))
    heard, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(sounds[0])))

    assert len(sounds) == PLAYERS_PER_KIND
    assert (len(heard), rate_hz) == (8000, 16000)


def test_a_player_plays_the_segment_and_not_the_whole_file(tmp_path: Path) -> None:
    path = write_murmur(tmp_path / "a.wav", 1, seconds=2.0)
    clips = [Item(path=path, label="up", start_s=0.5, end_s=end) for end in (0.75, 0.75)]
    (sound,) = re.findall(r'base64,([^"]+)"', rendered(clips))

    assert len(soundfile.read(io.BytesIO(base64.b64decode(sound)))[0]) == 4000


def test_a_long_list_is_cut_short_and_says_so(tmp_path: Path) -> None:
    clips = [Item(path=tmp_path / f"{n}.wav") for n in range(SHOWN + 7)]
    text = words(rendered(clips))

    assert "And 7 more" in text
    assert text.count("no such file") == SHOWN
    assert "No clip could be read." in text


def test_the_page_of_nothing_is_a_page() -> None:
    assert "No clip could be read." in words(rendered([]))


@pytest.mark.parametrize(
    "values", [[1.0] * 5, [0.0], [0.5, 1.0, 1.0, 90.0], [-100.0, -3.2, -0.1], [1.0, 1.0 + 1e-9]]
)
def test_a_histogram_draws_every_value_once(values: list[float]) -> None:
    drawing = ElementTree.fromstring(histogram(values))
    titles = [title.text or "" for title in drawing.iter("title")]

    assert sum(int(title.rsplit(": ", 1)[1].replace(",", "")) for title in titles) == len(values)
    assert all(float(bar.get("height", "")) >= 0 for bar in drawing.iter("rect"))
    assert len(titles) < 100
