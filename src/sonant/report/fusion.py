"""Ways to fuse speaker models as one page: each part, each fusion, on the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sonant import page
from sonant.page import Html
from sonant.plots.error_tradeoff import error_tradeoff
from sonant.report import _themed
from sonant.report.speakers import NAMES, bounds, rate
from sonant.speakers.fusing import EQUAL, GIVEN, LEARNED, LOGISTIC, MEAN, Comparison
from sonant.verification import rates

SHOWN: Final = ("eer", "min_dcf_0.01", "min_dcf_0.05", "cllr", "min_cllr")
MEANINGS: Final[Mapping[str, str]] = {
    MEAN: "Scores brought to mean 0 and deviation 1, then averaged; needs every part's score.",
    EQUAL: "Embeddings side by side: one vector, whose cosine is the mean of the cosines.",
    LEARNED: "The same with the weights that logistic regression finds; what a fused bundle holds.",
    GIVEN: "The same with the weights of --weights.",
    LOGISTIC: "Calibrated log-likelihood ratios and measures of quality, weighed by logistic regression.",
}
"""What each way does, in a sentence."""


def render(found: Comparison, *, title: str, weights: Mapping[str, float]) -> str:
    """Write the page; `weights` are those of the bundle. Raises `MissingExtra` without matplotlib."""
    parts = (
        _result(found, weights),
        _systems(found),
        _curves(found),
        page.section("Trials", _trials(found)),
    )
    best = found.best
    lead = f"{len(weights)} models as one, against the better of them, {best}"
    return page.document(title, "".join(parts), subtitle=lead)


def verdict(found: Comparison) -> str:
    """Whether fusing helped, in a sentence."""
    gain = found.gain
    points = f"{100 * gain.value:+.2f} points ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"
    if gain.high < 0:
        return f"Fusing lowers the EER of {found.best} by learned weights: {points}."
    if gain.low > 0:
        return (
            f"Fusing makes the EER worse than that of {found.best}: {points}. Take that by itself."
        )
    return f"No difference from the EER of {found.best} can be told on these trials: {points}."


def _result(found: Comparison, weights: Mapping[str, float]) -> Html:
    by_name = {row.name: row.figures.rates["eer"] for row in found.rows}
    facts = page.facts(
        (
            ("EER, learned weights", rate("eer", by_name[LEARNED])),
            (f"EER, {found.best}", rate("eer", by_name[found.best])),
            ("EER, logistic fusion", rate("eer", by_name[LOGISTIC])),
            *((f"Weight of {name}", f"{weight:.3f}") for name, weight in weights.items()),
        )
    )
    return page.section("Result", facts, note=verdict(found))


def _systems(found: Comparison) -> Html:
    rows = [
        (
            row.name,
            rate("eer", row.figures.rates["eer"]),
            bounds("eer", row.figures.rates["eer"]),
            *(rate(name, row.figures.rates[name]) for name in SHOWN[1:]),
        )
        for row in found.rows
    ]
    columns = ("system", "EER", "95 % interval", *(NAMES[name] for name in SHOWN[1:]))
    ways = "".join(
        f"<p><b>{page.text(row.name)}</b>: {page.text(MEANINGS[row.name])}</p>"
        for row in found.rows
        if row.name in MEANINGS
    )
    return page.section(
        "Systems",
        page.table(columns, rows, numeric=range(1, len(columns))) + ways,
        note="What is learned from trials, Cllr's calibration too, is learned on one half of the speakers "
        "and measured on the other, both ways round.",
    )


def _curves(found: Comparison) -> Html:
    shown = [row.name for row in found.rows if row.name not in (MEAN, EQUAL)]
    curves = {name: rates.det(*found.curves[name]) for name in shown}
    marks = {row.name: row.figures.rates["eer"].value for row in found.rows if row.name in shown}
    picture = _themed(
        lambda theme: error_tradeoff(curves, marks=marks, theme=theme),
        alt="Misses over false alarms of each system",
    )
    return page.section("Error tradeoff", picture, note="A dot is an EER.")


def _trials(found: Comparison) -> Html:
    measured = found.rows[0].figures
    rows = (
        ("made of", found.trials.origin or found.trials.name),
        ("measured on", f"{measured.same:,} pairs of one speaker, {measured.different:,} of two"),
        ("sessions", str(measured.sessions)),
        ("SHA-256", measured.digest),
    )
    return page.table(("what", "which"), rows)
