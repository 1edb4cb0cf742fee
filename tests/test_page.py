"""The HTML toolkit: whole pages, nothing from outside, nothing unescaped."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sonant import page
from sonant.page import Html

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Nesting(HTMLParser):
    """Notes whether every element that is opened is closed in turn, and what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(markup: str) -> Nesting:
    nesting = Nesting()
    nesting.feed(markup)
    nesting.close()
    assert nesting.open == []
    return nesting


def everything() -> str:
    body = page.facts([("Clips", 12), ("Rate", "<16 kHz>")])
    body = Html(body + page.section("One & all", page.table(["a", "b"], [(1, 2)], numeric=[1])))
    body = Html(body + page.section("Media", page.image(b"png", alt="a 'b'") + page.audio(b"wav")))
    body = Html(body + page.cards([page.badge("ok", tone="good"), page.bar(0.5)]))
    return page.document("A < B", body + page.fold("more", "<p>text</p>"), subtitle="x & y")


def test_a_page_is_well_formed_and_whole() -> None:
    nesting = parsed(everything())

    assert nesting.tags[:2] == ["html", "head"]
    assert everything().startswith("<!doctype html>")
    assert "script" not in nesting.tags


def test_a_page_refers_to_nothing_outside_itself() -> None:
    markup = everything()

    assert all(link.startswith(("data:", "#")) for link in parsed(markup).links)
    assert "default-src 'none'" in markup
    assert not re.search(r"https?:|url\(|@import", markup)


def test_a_page_follows_the_reader_into_the_dark() -> None:
    assert "prefers-color-scheme: dark" in everything()


def test_titles_and_values_are_escaped() -> None:
    markup = everything()

    assert "<title>A &lt; B</title>" in markup
    assert "x &amp; y" in markup
    assert "&lt;16 kHz&gt;" in markup
    assert "a &#x27;b&#x27;" in markup


def test_cells_are_escaped_unless_they_are_markup() -> None:
    table = page.table(["<name>", "n"], [("<b>", Html("<b>3</b>")), (None, 2.5)], numeric=[1])

    assert '<th scope="col">&lt;name&gt;</th>' in table
    assert '<td>&lt;b&gt;</td><td class="num"><b>3</b></td>' in table
    assert '<td></td><td class="num">2.5</td>' in table


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        page.table(["a", "b"], [(1, 2, 3)])


def test_what_is_ready_is_not_escaped_twice() -> None:
    once = page.text("a & b")

    assert once == "a &amp; b"
    assert page.text(once) == once


def test_links_lead_to_the_sections_even_when_two_share_a_title() -> None:
    body = page.section("Same", "") + page.section("Same", "") + page.section("?", "")
    links = [link for link in parsed(page.document("t", body)).links if link.startswith("#")]

    assert links == ["#same", "#same-2", "#section"]
    assert all(f'id="{link[1:]}"' in page.document("t", body) for link in links)


def test_a_page_with_one_section_has_no_links() -> None:
    assert "<nav" not in page.document("t", page.section("Only", ""))


def test_media_travel_inside_the_page() -> None:
    for markup, data in (
        (page.image(b"\x89PNG", alt=""), b"\x89PNG"),
        (page.audio(b"RIFF"), b"RIFF"),
    ):
        found = re.search(r'base64,([^"]+)"', markup)
        assert found is not None
        assert base64.b64decode(found[1]) == data


@pytest.mark.parametrize(("share", "width"), [(0.5, "50.0%"), (-1.0, "0.0%"), (3.0, "100.0%")])
def test_a_bar_stays_within_its_cell(share: float, width: str) -> None:
    assert f"width:{width}" in page.bar(share)


def test_a_page_is_written_with_its_folder(tmp_path: Path) -> None:
    path = page.write(tmp_path / "new" / "report.html", "<p>é</p>")

    assert path.read_text(encoding="utf-8") == "<p>é</p>"
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = page.write(tmp_path / "report.html", "old")

    with pytest.raises(UnicodeEncodeError):
        page.write(path, "new \ud800")

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
