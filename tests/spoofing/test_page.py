"""What was found, as a page."""

from __future__ import annotations

from sonant.manifest import Manifest
from sonant.spoofing import conditions, page, scoring
from sonant.spoofing.auditing import Audit, Shortcut
from sonant.spoofing.detector import Detector
from sonant.verification.intervals import Interval


def test_the_page_has_every_part_and_the_clips_that_are_furthest_off(
    detector: Detector, loud_clips: Manifest
) -> None:
    known = conditions.read(loud_clips.root, loud_clips)
    found = scoring.score(detector, loud_clips, split="test", conditions=known, rounds=20)
    html = page.of_report(found)
    for words in ("By attack", "By codec", "near", "mp3", "EER, %", "uncalibrated", "split test"):
        assert words in html
    wrong = min(found.clips, key=lambda clip: clip.llr if clip.bonafide else -clip.llr)
    assert html.index(str(wrong.item.path)) < html.index(
        "</section>", html.index("<h2>Furthest off")
    )


def test_an_audit_s_page_marks_what_tells_the_labels() -> None:
    sure = Interval(value=0.02, low=0.0, high=0.05, rounds=100)
    coin = Interval(value=0.48, low=0.4, high=0.55, rounds=100)
    found = Audit(
        data="corpus <b>",
        bonafide=10,
        spoofs=12,
        speakers=5,
        shortcuts=(Shortcut(group="gain", eer=sure), Shortcut(group="without_speech", eer=coin)),
        left_out=(),
    )
    html = page.of_audit(found)
    assert html.count("tells the labels") == html.count("near chance") == 1
    assert "2.00 (0.00 to 5.00)" in html
    assert "without speech" in html
    assert "corpus &lt;b&gt;" in html
