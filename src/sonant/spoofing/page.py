"""What was found of a detector, or of a corpus, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sonant import page
from sonant.page import Html
from sonant.spoofing.auditing import Audit
from sonant.spoofing.scoring import Part, SpoofReport
from sonant.verification.intervals import Interval

NAMES: Final[Mapping[str, str]] = {
    "eer": "EER, %",
    "min_dcf": "minDCF",
    "act_dcf": "actDCF",
    "cllr": "Cllr, bits",
}
MEANING: Final = (
    "EER: the rate at which as many forgeries pass as bona fide clips are refused. minDCF and actDCF: the "
    "cost of a detector where one clip in twenty is forged and letting it pass costs ten times a refusal, "
    "at the best threshold and at that of theory; 1 is the cost of a constant answer. Cllr: what the size "
    "of the scores costs; 0 is perfect, 1 says nothing. In brackets 95 % of 1000 redrawn sets of speakers."
)
SHOWN: Final = 20
"""Clips that a table of the worst has."""


def of_report(report: SpoofReport) -> str:
    """The page of an evaluation."""
    whole = report.whole
    remark = (
        ""
        if report.calibrated
        else "The detector is uncalibrated: scores order clips, and their size means nothing."
    )
    facts = page.facts(
        [
            ("bona fide clips", whole.bonafide),
            ("forged clips", whole.spoofs),
            ("EER", f"{100 * whole.rates['eer'].value:.2f} %"),
            ("left out", len(report.left_out)),
        ]
    )
    body: str = page.section("All clips", facts + _rates([whole]), note=MEANING)
    for column in dict.fromkeys(part.column for part in report.parts):
        parts = [part for part in report.parts if part.column == column]
        body += page.section(f"By {column}", _rates(parts))
    body += page.section("Furthest off", _worst(report), note=remark)
    if report.left_out:
        rows = [[message] for message in report.left_out]
        body += page.section("Left out", page.table(["why"], rows))
    return page.document(
        f"{report.bundle} on {report.data}",
        body,
        subtitle=f"Spoof detection{f', split {report.split}' if report.split else ''}",
    )


def of_audit(found: Audit) -> str:
    """The page of a shortcut audit."""
    rows = [
        [
            shortcut.group.replace("_", " "),
            _shown(shortcut.eer, percent=True),
            page.badge("near chance", tone="good")
            if shortcut.near_chance
            else page.badge("tells the labels", tone="error"),
        ]
        for shortcut in found.shortcuts
    ]
    note = (
        "How often the labels are told wrongly by such measures alone, on speakers not seen before: 50 % is "
        "a coin. What is far below it, a detector trained on this data will learn in place of the voice; "
        "equalise the clips first."
    )
    facts = page.facts(
        [
            ("bona fide clips", found.bonafide),
            ("forged clips", found.spoofs),
            ("speakers", found.speakers),
        ]
    )
    table = page.table(["measured", "EER, %", ""], rows, numeric=(1,))
    return page.document(
        f"Shortcuts in {found.data}", page.section("Without listening", facts + table, note=note)
    )


def _rates(parts: Sequence[Part]) -> Html:
    names = list(parts[0].rates)
    rows = [
        [
            part.value or "all",
            part.bonafide,
            part.spoofs,
            *(_shown(part.rates[name], percent=name == "eer") for name in names),
        ]
        for part in parts
    ]
    columns = ["forgeries", "bona fide", "forged", *(NAMES[name] for name in names)]
    return page.table(columns, rows, numeric=range(1, len(columns)))


def _worst(report: SpoofReport) -> Html:
    """Bona fide clips that look forged the most, and forgeries that look bona fide."""
    wrong = sorted(report.clips, key=lambda clip: clip.llr if clip.bonafide else -clip.llr)
    rows = [
        [
            str(clip.item.path),
            "bona fide" if clip.bonafide else "forged",
            f"{clip.llr:.2f}",
            ", ".join(f"{name} {value}" for name, value in clip.conditions.items()),
        ]
        for clip in wrong[:SHOWN]
    ]
    return page.table(["clip", "is", "LLR of bona fide", "condition"], rows, numeric=(2,))


def _shown(rate: Interval, *, percent: bool) -> str:
    scale, digits = (100.0, 2) if percent else (1.0, 3)
    value, low, high = (scale * number for number in (rate.value, rate.low, rate.high))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
