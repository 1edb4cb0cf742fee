"""A report to look at: one HTML file with everything inside, from the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from sonant import metrics, page, plots, scoring
from sonant.page import Html
from sonant.plots import canvas
from sonant.report import gallery
from sonant.report.gallery import percent
from sonant.scoring import Report

WORST_CLIPS = 20
"""How many of the worst clips can be listened to."""
EXAMPLES = 24
"""How many examples there are room for: two of a label while that fits, else one."""
MOST_EXAMPLES = 40
"""How many labels have an example at all; what a page can carry ends somewhere."""
NOTHING: Mapping[str, str] = MappingProxyType({})


def render(
    report: Report,
    *,
    title: str,
    rate_hz: int,
    history: Sequence[Mapping[str, float]] = (),
    best_epoch: int | None = None,
    recipe: str = "",
    environment: Mapping[str, str] = NOTHING,
    summary: str = "",
    notes: Sequence[str] = (),
) -> str:
    """Write the page of an evaluation; the same arguments and files give the same text.

    `history` are rows of `metrics.jsonl`, `best_epoch` the one whose weights were kept (None: that of
    highest accuracy), `recipe` is TOML, `environment` names versions, `summary` is the table of
    layers, `rate_hz` is what the model hears at. What is empty is left out. Clips are read anew, and
    one that is gone is shown as missing. Raises `MissingExtra` without matplotlib.
    """
    parts = (
        _result(report, notes),
        _training(history, best_epoch),
        _confusions(report),
        _classes(report),
        _calibration(report),
        _worst(report, rate_hz),
        _examples(report, rate_hz),
        _unreadable(report),
        _making(recipe, environment, summary),
    )
    html = page.document(title, "".join(parts), subtitle=_lead(report))
    # A file name need not be text; what UTF-8 cannot carry is written as an escape.
    return html.encode("utf-8", "backslashreplace").decode("utf-8")


def _lead(report: Report) -> str:
    right = sum(row[i] for i, row in enumerate(report.confusion))
    return (
        f"{right:,} of {report.clips:,} clips heard right: split '{report.split}' of {report.data}"
    )


def _result(report: Report, notes: Sequence[str]) -> Html:
    low, high = report.accuracy_interval
    quality = page.facts(
        (
            ("Accuracy", percent(report.accuracy)),
            ("95 % interval", f"{100 * low:.1f}\u2013{100 * high:.1f} %"),
            ("Macro F1", f"{report.macro_f1:.3f}"),
            ("Calibration error", f"{report.calibration_error:.3f}"),
            ("Log loss", f"{_log_loss(report):.3f}"),
            ("Clips", f"{report.clips:,}"),
        )
    )
    cost = page.facts(
        (
            ("Labels", f"{len(report.labels):,}"),
            ("Unreadable", f"{len(report.unreadable):,}"),
            ("Parameters", f"{report.parameters:,}"),
            ("MACs per second", _short(report.macs_per_second)),
            ("Bundle", f"{report.bundle_bytes / 1e6:.2f} MB"),
            ("One clip takes", f"{report.ms_per_clip:.3g} ms"),
        )
    )
    remarks = "".join(f"<p>{page.badge('note')} {page.text(note)}</p>" for note in notes)
    source = (
        f'<p class="remark">Bundle <code>{page.text(report.bundle)}</code>. MACs are '
        "multiply-accumulates for one second of audio. Log loss is the mean of -ln p(said).</p>"
    )
    return page.section(
        "Result",
        quality + cost + remarks + source,
        note=f"The interval of the accuracy: {report.interval_method}.",
    )


def _training(history: Sequence[Mapping[str, float]], best_epoch: int | None) -> str:
    if not history:
        return ""
    seconds = sum(row.get("seconds", 0.0) for row in history)
    picture = _themed(
        lambda theme: plots.curves(history, best_epoch=best_epoch, theme=theme),
        alt=f"Loss, accuracy and learning rate over {len(history)} epochs",
    )
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    return page.section("Training", picture, note=f"{epochs} in {seconds:,.0f} seconds.")


def _confusions(report: Report) -> Html:
    picture = _themed(
        lambda theme: plots.confusion(report.confusion, report.labels, theme=theme),
        alt="Confusion matrix; its numbers stand in the table below",
    )
    columns = range(1, len(report.labels) + 1)
    rows = (
        (Html(f"<b>{page.text(label)}</b>"), *counts)
        for label, counts in zip(report.labels, report.confusion, strict=True)
    )
    matrix = page.table(("said \\ heard", *report.labels), rows, numeric=columns)
    note = "Rows are what was said, columns what was heard; colour is the share of the row."
    if not all(canvas.can_draw(label) for label in report.labels):
        note += " In the picture #3, say, is the third label: no font here has its letters."
    return page.section(
        "Confusions",
        picture + page.fold("The matrix as a table", matrix) + _top_confusions(report),
        note=note,
    )


def _top_confusions(report: Report) -> Html:
    if not report.top_confusions:
        return Html("<p>No clip was taken for another label.</p>")
    clips = {score.label: score.clips for score in report.per_class}
    rows = (
        (said, heard, count, percent(count / clips[said]), page.bar(count / clips[said]))
        for said, heard, count in report.top_confusions
    )
    columns = ("said", "heard", "clips", "of those said", "")
    return Html("<h3>Most frequent</h3>" + page.table(columns, rows, numeric=(2, 3)))


def _classes(report: Report) -> Html:
    rows = (
        (
            score.label,
            f"{score.clips:,}",
            percent(score.precision),
            percent(score.recall),
            f"{score.f1:.3f}",
            page.bar(score.f1),
        )
        for score in report.per_class
    )
    columns = ("label", "clips", "precision", "recall", "F1", "")
    absent = [score.label for score in report.per_class if score.clips == 0]
    note = "Precision: of the clips heard as the label. Recall: of the clips that say it."
    if absent:
        note += f" No clip says: {', '.join(absent)}."
    return page.section("Labels", page.table(columns, rows, numeric=(1, 2, 3, 4)), note=note)


def _calibration(report: Report) -> Html:
    curve = metrics.reliability(*_answers(report))
    picture = _themed(
        lambda theme: plots.reliability(curve, theme=theme),
        alt="Share of right answers over their probability",
    )
    return page.section(
        "Calibration",
        picture,
        note="Above the broken line the model is right more often than it says, below less often.",
    )


def _worst(report: Report, rate_hz: int) -> Html:
    rows = scoring.worst(report, n=WORST_CLIPS)
    wrong = sum(row.predicted != row.label for row in rows)
    folder = gallery.shared_folder(rows)
    note = "Those where another label was most probable, against what was said."
    if wrong < len(rows):
        note += f" Only {wrong} were heard wrong; the others nearly were."
    return page.section(
        "Worst clips",
        gallery.cards(rows, labels=report.labels, rate_hz=rate_hz, folder=folder),
        note=note + _within(folder),
    )


def _examples(report: Report, rate_hz: int) -> Html:
    each = 2 if 2 * len(report.labels) <= EXAMPLES else 1
    chosen = list(scoring.examples(report, each=each).values())[:MOST_EXAMPLES]
    rows = [row for found in chosen for row in found]
    folder = gallery.shared_folder(rows)
    note = "The clips of every label that the model is surest of, of different speakers."
    if len(report.labels) > MOST_EXAMPLES:
        note = f"The surest clip of each of the first {MOST_EXAMPLES} labels."
    return page.section(
        "Examples",
        gallery.cards(rows, labels=report.labels, rate_hz=rate_hz, folder=folder),
        note=note + _within(folder),
    )


def _unreadable(report: Report) -> str:
    if not report.unreadable:
        return ""
    lines = "".join(f"<li>{page.text(message)}</li>" for message in report.unreadable)
    return page.section(
        "Unreadable files", f"<ul>{lines}</ul>", note="Counted in none of the figures."
    )


def _making(recipe: str, environment: Mapping[str, str], summary: str) -> str:
    """How the model was made, so that it can be made again."""
    parts = []
    if recipe:
        parts.append(page.section("Recipe", f"<pre>{page.text(recipe)}</pre>"))
    if summary:
        parts.append(page.section("Layers", f"<pre>{page.text(summary)}</pre>"))
    if environment:
        parts.append(
            page.section("Environment", page.table(("what", "which"), environment.items()))
        )
    return "".join(parts)


def _themed(draw: Callable[[plots.Theme], bytes], *, alt: str) -> Html:
    """A picture in the colours of the page, light or dark as the reader has it."""
    dark = page.image(draw(plots.DARK), alt="").partition('src="')[2].partition('"')[0]
    return Html(
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f"{gallery.picture(draw(plots.LIGHT), alt=alt)}</picture>"
    )


def _answers(report: Report) -> tuple[Any, Any]:
    """Probabilities [clips, labels] and truth [clips] of what could be read."""
    rows = [row for row in report.scored if not row.error]
    place = {label: number for number, label in enumerate(report.labels)}
    return np.stack([row.probabilities for row in rows]), [place[row.label] for row in rows]


def _log_loss(report: Report) -> float:
    return metrics.negative_log_likelihood(*_answers(report))


def _within(folder: Any) -> str:
    """Where the paths of the cards begin."""
    return f" Paths are within {folder}." if folder.parts else ""


def _short(number: float) -> str:
    """A large number in thousands, millions or billions."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
