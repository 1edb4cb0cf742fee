"""The page of an evaluation on streams."""

from __future__ import annotations

from dataclasses import replace

from results import report_of, row
from sonant.report.detection import alarms, rejects, render
from sonant.tally import Condition, Form, Latency, Point, Rate, Share, StreamReport, Word


def condition(name: str, *, said: int = 20, hours: float = 2.0) -> Condition:
    def point(threshold: float, false_alarms: int, missed: int) -> Point:
        return Point(
            threshold=threshold,
            false_alarms=Rate(count=false_alarms, hours=hours),
            false_rejects=Share(count=missed if said else 0, of=said),
        )

    at = point(0.5, 4, 3)
    word = Word(label="<go>", false_alarms=at.false_alarms, false_rejects=at.false_rejects)
    return Condition(
        name=name,
        recordings=3,
        hours=hours,
        at=at,
        words=(word,),
        latency=Latency(hits=17, after_start_s=(0.7, 0.9), after_end_s=(-0.3, -0.1)),
        curve=(point(0.1, 90, 1), at, point(1.0, 0, 20)),
    )


REPORT = report_of([row("go", "go"), row("no", "go")])
FOUND = StreamReport(
    whole=REPORT,
    forms=(
        Form(name="whole clips", report=REPORT),
        Form(name="stream, never reset", report=REPORT, differing=1, points=-0.25),
    ),
    decision={"threshold": 0.5},
    stitched=(condition("clips at 20 dB SNR"), condition("clips at 0 dB SNR")),
    long=condition("long recordings", said=0),
    notes=("too <few> hours",),
    unreadable=("bad.wav: no audio",),
)


def test_the_page_has_curves_tables_and_notes() -> None:
    text = render(FOUND, title="tiny on streams")
    assert text.count("<picture>") == 2
    for part in ("clips at 20 dB SNR", "-0.25", "too &lt;few&gt; hours", "bad.wav", "&lt;go&gt;"):
        assert part in text
    assert "nothing said" in text
    assert "nothing was stored" in text


def test_a_stored_operating_point_is_shown_with_its_bundle() -> None:
    text = render(replace(FOUND, written="models/tiny/2", point={"decision": {}}), title="t")
    assert "Stored in models/tiny/2" in text


def test_the_same_figures_give_the_same_page() -> None:
    assert render(FOUND, title="t") == render(FOUND, title="t")


def test_without_keywords_said_there_is_no_curve() -> None:
    bare = replace(FOUND, stitched=(condition("clips in silence", said=0),))
    assert "<picture>" not in render(bare, title="t")


def test_rates_and_shares_come_with_their_bounds() -> None:
    assert alarms(Rate(count=0, hours=1.0)) == "0 an hour (0 to 3.69)"
    assert alarms(Rate(count=0, hours=0.0)) == "no audio"
    assert rejects(Share(count=1, of=10)) == "10.0 % (1.8 to 40.4)"
