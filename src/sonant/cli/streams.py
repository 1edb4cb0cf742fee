"""Tables of an evaluation on streams."""

from __future__ import annotations

from pathlib import Path

from sonant.cli import console
from sonant.report.detection import alarms, rejects, seconds
from sonant.tally import Condition, StreamReport


def show(found: StreamReport, *, bundle: Path, as_json: bool) -> None:
    """All figures, as tables or as one JSON object."""
    if as_json:
        console.result_json(found.to_json())
    else:
        _clips(found)
        _events(found)
        for one in (*found.stitched, *([] if found.long is None else [found.long])):
            _words(one)
        print(f"threshold {found.decision['threshold']:g}")
        if found.written:
            print(f"bundle    {found.written}")
    for note in found.notes:
        console.show(f"note: {note}")


def next_step(found: StreamReport, *, bundle: Path, report: Path | None) -> None:
    """What to do with them."""
    if report:
        console.next_step(f"open {report}", "look at the curves")
    elif found.written:
        console.next_step(f"sonant listen {found.written}", "hear it decide by this threshold")
    elif found.long is not None:
        console.next_step(
            f"sonant review {bundle} LONG_AUDIO", "hear the false alarms, and learn from them"
        )
    else:
        console.next_step(
            f"sonant evaluate {bundle} ... --stream --long FOLDER --false-alarms-per-hour 1",
            "choose a threshold by what can be borne",
        )


def _clips(found: StreamReport) -> None:
    rows = []
    for form in found.forms:
        low, high = form.report.accuracy_interval
        rows.append(
            (
                form.name,
                f"{form.report.accuracy:.2%}",
                f"{low:.2%} to {high:.2%}",
                f"{form.points:+.2f}",
                form.differing,
            )
        )
    console.table(
        ("clips asked as", "accuracy", "95 % interval", "points", "answered otherwise"),
        rows,
        title=f"{found.whole.clips:,} clips of '{found.whole.split}'",
    )


def _events(found: StreamReport) -> None:
    rows = []
    for one in (*found.stitched, *([] if found.long is None else [found.long])):
        late = one.latency
        rows.append(
            (
                one.name,
                f"{one.hours:.2f}",
                alarms(one.at.false_alarms),
                rejects(one.at.false_rejects),
                "-" if late is None else seconds(late.after_start_s),
                "-" if late is None else seconds(late.after_end_s),
            )
        )
    console.table(
        ("where", "hours", "false alarms", "false rejects", "after start", "after end"),
        rows,
        title="events; latency from start and end of a clip, median and 95th percentile",
    )


def _words(condition: Condition) -> None:
    console.table(
        ("keyword", "said", "false rejects", "false alarms", "a rate of"),
        [
            (
                word.label,
                word.false_rejects.of,
                rejects(word.false_rejects),
                word.false_alarms.count,
                alarms(word.false_alarms),
            )
            for word in condition.words
        ],
        title=condition.name,
    )
