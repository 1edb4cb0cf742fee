"""A small toolkit for reports: one HTML file that needs nothing else, readable in light and dark.

Whatever is not `Html` is escaped; the page refuses outside references by its own content policy.
"""

from __future__ import annotations

import base64
import html
import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

from sonant import whole_file

Tone = Literal["error", "warning", "note", "good"]

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
"""What a browser may load for the page: nothing but what is inside it."""


class Html(str):
    """Ready markup: never escaped again."""

    __slots__ = ()


def text(value: object) -> Html:
    """Escape a value for the page; `Html` passes unchanged and None is empty."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else html.escape(str(value)))


def document(title: str, body: str, *, subtitle: str = "") -> str:
    """One whole HTML5 page around `body`, which is markup, with links to its sections."""
    lead = f'<p class="lead">{text(subtitle)}</p>' if subtitle else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header class="top"><h1>{text(title)}</h1>{lead}</header>\n{_contents(body)}'
        f"<main>\n{_number_ids(body)}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, body: str, *, note: str = "") -> Html:
    """A titled part of the page; `note` is a plain sentence under the title, `body` is markup."""
    remark = f'<p class="remark">{text(note)}</p>' if note else ""
    return Html(
        f'<section id="{_slug(title)}"><h2>{text(title)}</h2>{remark}\n{body}\n</section>\n'
    )


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Collection[int] = ()
) -> Html:
    """A table; `numeric` are the columns, from 0, that are set flush right."""
    marks = [' class="num"' if column in numeric else "" for column in range(len(columns))]
    head = "".join(
        f'<th scope="col"{mark}>{text(name)}</th>'
        for mark, name in zip(marks, columns, strict=True)
    )
    lines = (
        "<tr>"
        + "".join(f"<td{mark}>{text(cell)}</td>" for mark, cell in zip(marks, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return Html(
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        "<tbody>" + "\n".join(lines) + "</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """A grid of named values, the first things a reader wants to know."""
    tiles = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return Html('<dl class="facts">' + "".join(tiles) + "</dl>")


def image(png: bytes, *, alt: str) -> Html:
    """A PNG picture carried inside the page."""
    data = base64.b64encode(png).decode("ascii")
    return Html(f'<img src="data:image/png;base64,{data}" alt="{text(alt)}" loading="lazy">')


def audio(wav: bytes) -> Html:
    """A player for WAV bytes carried inside the page."""
    data = base64.b64encode(wav).decode("ascii")
    return Html(f'<audio controls preload="none" src="data:audio/wav;base64,{data}"></audio>')


def badge(value: object, *, tone: Tone = "note") -> Html:
    """A short word on a coloured ground."""
    return Html(f'<span class="badge {tone}">{text(value)}</span>')


def bar(share: float) -> Html:
    """A horizontal bar filled to `share` in [0, 1], for a table cell."""
    width = 100.0 * min(max(share, 0.0), 1.0)
    return Html(f'<span class="bar"><i style="width:{width:.1f}%"></i></span>')


def cards(bodies: Iterable[str]) -> Html:
    """Pieces of markup side by side, as many to a row as fit."""
    return Html(
        '<div class="cards">' + "".join(f"<article>{body}</article>" for body in bodies) + "</div>"
    )


def fold(summary: str, body: str, *, open: bool = False) -> Html:
    """Markup behind a line that opens on a click, without script."""
    state = " open" if open else ""
    return Html(f"<details{state}><summary>{text(summary)}</summary>{body}</details>")


def write(path: Path | str, html: str) -> Path:
    """Write a page whole or not at all, making the folder when it is missing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write_text(path, html)
    return path


_SECTION = re.compile(r'<section id="([^"]*)"><h2>(.*?)</h2>')


def _slug(title: str) -> str:
    """A title as an address inside the page."""
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "section"


def _number_ids(body: str) -> str:
    """Give the second section of one name an address of its own."""
    seen: set[str] = set()
    parts: list[str] = []
    end = 0
    for found in _SECTION.finditer(body):
        parts += [body[end : found.start(1)], _fresh(found[1], seen)]
        end = found.end(1)
    return "".join(parts) + body[end:]


def _fresh(name: str, seen: set[str]) -> str:
    """`name`, or `name-2`... when it is taken; remembers the answer in `seen`."""
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    free = next(candidate for candidate in names if candidate not in seen)
    seen.add(free)
    return free


def _contents(body: str) -> str:
    """Links to the sections of a page; nothing when there are fewer than two."""
    sections = _SECTION.findall(_number_ids(body))
    if len(sections) < 2:
        return ""
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in sections)
    return f'<nav aria-label="Sections">{links}</nav>\n'


STYLE = """
:root {
  --ground: #fbfaf8; --panel: #ffffff; --ink: #1d2126; --soft: #626b76; --line: #e3e1dc;
  --accent: #2f6f8f; --accent-soft: #dcebf1; --hover: #f3f1ec;
  --error: #b3261e; --error-soft: #fbe4e1; --warning: #8a5a00; --warning-soft: #fbeccb;
  --note: #55606c; --note-soft: #e9ecef; --good: #27693f; --good-soft: #dcf0e3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --panel: #1b1f23; --ink: #e4e7ea; --soft: #98a2ad; --line: #2d3339;
    --accent: #7cc0de; --accent-soft: #1f3a47; --hover: #22272c;
    --error: #ff9a91; --error-soft: #48211e; --warning: #f0c36a; --warning-soft: #41330f;
    --note: #aab4be; --note-soft: #2a3036; --good: #8ed6a6; --good-soft: #1c3a28;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.5rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
.top, main { max-width: 70rem; margin: 0 auto; padding: 0 1.5rem; }
.top { padding-top: 3rem; padding-bottom: 1.25rem; }
h1 { margin: 0; font-size: 2.1rem; line-height: 1.2; letter-spacing: -.02em; font-weight: 650; }
.lead { margin: .6rem 0 0; color: var(--soft); font-size: 1.1rem; max-width: 46rem; }
nav {
  position: sticky; top: 0; z-index: 2; background: var(--ground);
  border-bottom: 1px solid var(--line); overflow-x: auto; white-space: nowrap;
  padding: .55rem max(1.5rem, calc((100% - 70rem) / 2 + 1.5rem));
}
nav a { color: var(--soft); text-decoration: none; margin-right: 1.4rem; font-size: .92rem; }
nav a:hover, nav a:focus-visible { color: var(--accent); }
main { padding-bottom: 4rem; }
section { margin-top: 2.75rem; }
h2 { margin: 0 0 .35rem; font-size: 1.35rem; line-height: 1.3; letter-spacing: -.01em;
  font-weight: 620; }
h3 { margin: 1.75rem 0 .35rem; font-size: 1.05rem; font-weight: 620; }
p { margin: .5rem 0; max-width: 46rem; }
.remark { margin: 0 0 1rem; color: var(--soft); }
a { color: var(--accent); }
code, pre { font-size: .88em;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre {
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1.1rem; overflow-x: auto; line-height: 1.5;
}
.facts { display: flex; flex-wrap: wrap; gap: 1px; margin: 1rem 0; background: var(--line);
  border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.facts div { flex: 1 1 8.5rem; background: var(--panel); padding: .8rem 1.1rem; }
.facts dt { color: var(--soft); font-size: .84rem; }
.facts dd { margin: .1rem 0 0; font-size: 1.2rem; font-weight: 600; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; line-height: 1.35; }
.scroll { overflow-x: auto; margin: .9rem 0; background: var(--panel);
  border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { padding: .5rem .95rem; text-align: left; vertical-align: middle; }
th { color: var(--soft); font-weight: 550; font-size: .84rem; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
tbody tr + tr td { border-top: 1px solid var(--line); }
tbody tr:hover td { background: var(--hover); }
td:has(> .badge) { width: 1%; }
td:has(> audio) { width: 19rem; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.badge { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.error { color: var(--error); background: var(--error-soft); }
.warning { color: var(--warning); background: var(--warning-soft); }
.note { color: var(--note); background: var(--note-soft); }
.good { color: var(--good); background: var(--good-soft); }
.bar { display: inline-block; vertical-align: middle; width: 100%; min-width: 7rem; height: .55rem;
  border-radius: .3rem; background: var(--accent-soft); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr));
  gap: 1rem; margin: 1rem 0; }
.cards article { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; min-width: 0; overflow-wrap: anywhere; }
.cards article > :first-child { margin-top: 0; }
.cards article > :last-child { margin-bottom: 0; }
img, svg { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
img { border-radius: 8px; }
td img, td svg { margin: 0; }
audio { display: block; width: 100%; max-width: 20rem; height: 2.2rem; margin: .3rem 0; }
td audio { min-width: 14rem; margin: 0; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--accent); }
@media (max-width: 40rem) {
  .cards { grid-template-columns: 1fr; }
  .top { padding-top: 1.75rem; }
}
@media print {
  nav { display: none; }
  section { break-inside: avoid-page; }
  body { font-size: 11pt; }
}
"""
"""The one stylesheet; charts drawn as SVG take its colours through the same variables."""
