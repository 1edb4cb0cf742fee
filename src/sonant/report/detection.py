"""An evaluation on streams as one page: the forms of a clip, curves, tables, the operating point."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from sonant import page
from sonant.page import Html
from sonant.plots.det import Line, det
from sonant.report import _themed
from sonant.report.gallery import percent
from sonant.tally import Condition, Point, Rate, Share, StreamReport

LEAST_HOURS = 1.0
"""Below this much audio, the even part of a curve is no wider than one an hour."""


def render(found: StreamReport, *, title: str) -> str:
    """Write the page; the same figures give the same text. Raises `MissingExtra` without matplotlib."""
    parts = (
        _result(found),
        _forms(found),
        _curves(found),
        _conditions(found),
        *(_words(condition) for condition in _all(found)),
        _point(found),
        _unreadable(found),
    )
    lead = f"Split '{found.whole.split}' of {found.whole.data}, bundle {found.whole.bundle}"
    return page.document(title, "".join(parts), subtitle=lead)


def alarms(rate: Rate) -> str:
    """A rate with its interval, in words a table has room for."""
    if not rate.hours:
        return "no audio"
    low, high = rate.interval
    return f"{rate.per_hour:.3g} an hour ({low:.3g} to {high:.3g})"


def rejects(share: Share) -> str:
    """A share with its interval."""
    if not share.of:
        return "nothing said"
    low, high = share.interval
    return f"{percent(share.share)} ({100 * low:.1f} to {100 * high:.1f})"


def seconds(pair: tuple[float, float]) -> str:
    """Median and 95th percentile."""
    return f"{pair[0]:.2f} s, {pair[1]:.2f} s"


def _all(found: StreamReport) -> tuple[Condition, ...]:
    return (*found.stitched, *([] if found.long is None else [found.long]))


def _result(found: StreamReport) -> Html:
    never = found.forms[-1]
    facts: list[tuple[str, object]] = [
        ("Accuracy, never reset", percent(never.report.accuracy)),
        ("Against whole clips", f"{never.points:+.2f} points"),
    ]
    facts += [
        (f"Rejects, {condition.name}", percent(condition.at.false_rejects.share))
        for condition in _all(found)
        if condition.at.false_rejects.of
    ]
    last = _all(found)[-1]
    facts.append(("False alarms an hour", f"{last.at.false_alarms.per_hour:.3g}"))
    facts.append(("Threshold", f"{last.at.threshold:g}"))
    notes = "".join(f"<p>{page.badge('note')} {page.text(note)}</p>" for note in found.notes)
    return page.section(
        "Result", page.facts(facts) + notes, note=f"False alarms are those in {last.name}."
    )


def _forms(found: StreamReport) -> Html:
    rows = []
    for form in found.forms:
        low, high = form.report.accuracy_interval
        rows.append(
            (
                form.name,
                percent(form.report.accuracy),
                f"{100 * low:.1f} to {100 * high:.1f}",
                f"{form.points:+.2f}",
                f"{form.differing:,}",
            )
        )
    columns = ("clips asked as", "accuracy", "95 % interval", "points", "answered otherwise")
    return page.section(
        "Clips",
        page.table(columns, rows, numeric=(1, 2, 3, 4)),
        note=f"{found.whole.clips:,} clips. Points are per cent against whole clips.",
    )


def _curves(found: StreamReport) -> str:
    """Both panels that can be drawn: alarms in the same audio, and alarms in the long recordings."""
    parts = []
    own = {one.name: _line(one.curve, one.curve) for one in found.stitched}
    if any(own.values()):
        marks = {one.name: _mark(one.at, one.at) for one in found.stitched}
        least = 1.0 / max(LEAST_HOURS, *(one.hours for one in found.stitched))
        parts.append(
            Html("<h3>False alarms in the stitched recordings</h3>")
            + _drawn(own, marks, least, alt="False rejects over false alarms, stitched recordings")
        )
    long = found.long
    if long is not None and any(own.values()):
        lines = {one.name: _line(long.curve, one.curve) for one in found.stitched}
        marks = {one.name: _mark(long.at, one.at) for one in found.stitched}
        least = 1.0 / max(LEAST_HOURS, long.hours)
        parts.append(
            Html("<h3>False alarms in the long recordings</h3>")
            + _drawn(lines, marks, least, alt="False rejects over false alarms in long recordings")
        )
    if not parts:
        return ""
    note = (
        "Every point of a line is a threshold; dots are the one reported on. False alarms are drawn "
        "logarithmically, but for those fewer than one in all of the audio."
    )
    return page.section("Detection error tradeoff", "".join(parts), note=note)


def _drawn(
    lines: Mapping[str, Line],
    marks: Mapping[str, tuple[float, float]],
    least: float,
    *,
    alt: str,
) -> Html:
    return _themed(lambda theme: det(lines, marks=marks, least=least, theme=theme), alt=alt)


def _line(alarms: Sequence[Point], rejects: Sequence[Point]) -> Line:
    return [
        (one.false_alarms.per_hour, other.false_rejects.share)
        for one, other in zip(alarms, rejects, strict=True)
        if math.isfinite(one.false_alarms.per_hour) and math.isfinite(other.false_rejects.share)
    ]


def _mark(alarms: Point, rejects: Point) -> tuple[float, float]:
    return alarms.false_alarms.per_hour, rejects.false_rejects.share


def _conditions(found: StreamReport) -> Html:
    rows = []
    for one in _all(found):
        late = one.latency
        rows.append(
            (
                one.name,
                f"{one.hours:.2f}",
                alarms(one.at.false_alarms),
                rejects(one.at.false_rejects),
                "" if late is None else seconds(late.after_start_s),
                "" if late is None else seconds(late.after_end_s),
            )
        )
    columns = (
        *("where", "hours", "false alarms", "false rejects"),
        *("after the start", "after the end"),
    )
    note = (
        "In brackets, bounds at 95 %: Poisson for alarms, Wilson for rejects. The last two columns say "
        "when an event is told, median and 95th percentile: the clip's start and end, not the word's."
    )
    return page.section("Events", page.table(columns, rows, numeric=(1,)), note=note)


def _words(condition: Condition) -> Html:
    rows = [
        (
            word.label,
            f"{word.false_rejects.of:,}",
            rejects(word.false_rejects),
            f"{word.false_alarms.count:,}",
            alarms(word.false_alarms),
        )
        for word in condition.words
    ]
    columns = ("keyword", "said", "false rejects", "false alarms", "a rate of")
    return page.section(f"Keywords, {condition.name}", page.table(columns, rows, numeric=(1, 3)))


def _point(found: StreamReport) -> Html:
    shown = found.decision if found.point is None else found.point
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    note = (
        f"Stored in {found.written}; `sonant listen` goes by it."
        if found.written
        else "What makes an event in all figures above; nothing was stored."
    )
    return page.section("Operating point", f"<pre>{page.text(text)}</pre>", note=note)


def _unreadable(found: StreamReport) -> str:
    if not found.unreadable:
        return ""
    lines = "".join(f"<li>{page.text(message)}</li>" for message in found.unreadable)
    return page.section(
        "Unreadable files", f"<ul>{lines}</ul>", note="Counted in none of the figures."
    )
