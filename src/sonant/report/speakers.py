"""An evaluation of a speaker bundle as one page: rates, curves, parts of the trials, what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sonant import page
from sonant.page import Html
from sonant.plots.error_tradeoff import error_tradeoff
from sonant.plots.score_histogram import score_histogram
from sonant.report import NOTHING, _making, _themed, _training
from sonant.report.gallery import percent
from sonant.speakers.evaluating import Answers, Evaluation
from sonant.speakers.slices import Slice
from sonant.verification import rates
from sonant.verification.intervals import Interval

NAMES: Final[Mapping[str, str]] = {
    "eer": "EER",
    "min_dcf_0.01": "minDCF, prior 0.01",
    "min_dcf_0.05": "minDCF, prior 0.05",
    "min_cllr": "minCllr",
    "cllr": "Cllr",
    "act_dcf_0.01": "actual DCF, prior 0.01",
    "act_dcf_0.05": "actual DCF, prior 0.05",
}
"""What the figures are called where people read them."""
MEANINGS: Final[Mapping[str, str]] = {
    "eer": "misses and false alarms where both are as many",
    "min_dcf_0.01": "least cost where one pair in a hundred is of one speaker; 1 is that of a constant",
    "min_dcf_0.05": "the same where one in twenty is",
    "min_cllr": "bits that the order of the scores leaves unknown, of 1",
    "cllr": "bits that the likelihood ratios leave unknown; what it has over minCllr, calibration loses",
    "act_dcf_0.01": "cost at the threshold of theory; what it has over minDCF, calibration loses",
    "act_dcf_0.05": "the same where one pair in twenty is of one speaker",
}
AXES: Final[Mapping[str, str]] = {
    "cosine": "cosine",
    "as-norm": "cosine, normalised by a cohort (AS-norm)",
    "plda": "PLDA score, nats",
}
PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "speech": ("By speech", "Seconds of speech in the side that has less of it."),
    "session": (
        "By session",
        "Pairs of one speaker from one sitting or two, each beside all pairs of two speakers. "
        "One room and one microphone make a pair easier.",
    ),
    "gender": ("By gender", "Pairs within a gender are harder than those across."),
}
MOST_LISTED: Final = 50
"""Clips left out that the page names."""


def render(
    found: Evaluation,
    *,
    title: str,
    trials: str = "",
    history: Sequence[Mapping[str, float]] = (),
    best_epoch: int | None = None,
    recipe: str = "",
    environment: Mapping[str, str] = NOTHING,
    summary: str = "",
) -> str:
    """Write the page; the same figures give the same text.

    `trials` is the file that they were kept in, and what else is given stands as in `report.render`. Raises
    `MissingExtra` without matplotlib.
    """
    parts = (
        _result(found),
        _figures(found),
        _training(history, best_epoch),
        _curves(found),
        _scores(found),
        *(_part(name, rows) for name, rows in found.slices.items()),
        _decided(found),
        _trials(found, trials),
        left_out(found.left_out),
        _making(recipe, environment, summary),
    )
    measured = found.figures
    lead = (
        f"{measured.same + measured.different:,} pairs of {measured.speakers:,} speakers of {found.data}, "
        f"bundle {found.bundle}"
    )
    return page.document(title, "".join(parts), subtitle=lead)


def rate(name: str, found: Interval | None) -> str:
    """A rate as a table has room for it: per cent for an EER, else three decimals."""
    if found is None:
        return "too few pairs"
    return percent(found.value) if name == "eer" else f"{found.value:.3f}"


def bounds(name: str, found: Interval | None) -> str:
    """Its 95 % interval, in the same unit."""
    if found is None:
        return ""
    if name == "eer":
        return f"{100 * found.low:.1f} to {100 * found.high:.1f} %"
    return f"{found.low:.3f} to {found.high:.3f}"


def left_out(messages: Sequence[str]) -> str:
    """Clips that no figure counts, and why; nothing where there are none."""
    if not messages:
        return ""
    lines = [f"<li>{page.text(message)}</li>" for message in messages[:MOST_LISTED]]
    if len(messages) > MOST_LISTED:
        lines.append(f"<li>and {len(messages) - MOST_LISTED:,} more</li>")
    return page.section(
        "Clips left out",
        f"<ul>{''.join(lines)}</ul>",
        note="Their pairs are counted in no rate; a calibrated bundle decides nothing about them.",
    )


def _result(found: Evaluation) -> Html:
    measured = found.figures.rates
    shown = [name for name in ("eer", "min_dcf_0.01", "min_dcf_0.05", "cllr", "min_cllr")
             if name in measured]  # fmt: skip
    quality = page.facts((NAMES[name], rate(name, measured[name])) for name in shown)
    setting = page.facts(
        (
            ("EER, 95 % interval", bounds("eer", measured["eer"])),
            ("Pairs of one speaker", f"{found.figures.same:,}"),
            ("Pairs of two", f"{found.figures.different:,}"),
            ("Speakers", f"{found.figures.speakers:,}"),
            ("Parameters", f"{found.parameters:,}"),
            ("Bundle", f"{found.bundle_bytes / 1e6:.2f} MB"),
        )
    )
    remarks = "".join(
        f"<p>{page.badge('note')} {page.text(remark)}</p>" for remark in remarks_on(found)
    )
    return page.section(
        "Result",
        quality + setting + remarks,
        note=f"Compared by {AXES[found.scoring]}. Intervals are of speakers redrawn, 95 %.",
    )


def remarks_on(found: Evaluation) -> tuple[str, ...]:
    """What a reader of the figures has to know, a sentence each."""
    said = [f"Sessions: {found.figures.sessions}."]
    if lost := found.asked - found.figures.same - found.figures.different:
        said.append(
            f"{lost:,} of {found.asked:,} pairs fell with {len(found.left_out):,} clips left out."
        )
    if found.llrs is None:
        said.append(
            "Uncalibrated: no Cllr, and nothing is decided. sonant speaker calibrate makes it so."
        )
    elif found.decisions and found.decisions.seen:
        said.append(
            "The calibration was fitted to these very pairs: Cllr and what was decided are too rosy."
        )
    least = 1 / max(1, found.figures.different)
    if least * 99 > 0.05:
        said.append(
            f"One false alarm is {100 * least:.2g} % of {found.figures.different:,} pairs of two speakers: "
            "minDCF at the prior 0.01 takes thousands of them to say anything."
        )
    return tuple(said)


def _figures(found: Evaluation) -> Html:
    rows = (
        (NAMES[name], rate(name, one), bounds(name, one), MEANINGS[name])
        for name, one in found.figures.rates.items()
    )
    columns = ("figure", "value", "95 % interval", "what it is")
    return page.section("Figures", page.table(columns, rows, numeric=(1, 2)))


def _curves(found: Evaluation) -> Html:
    curves = {"all pairs": rates.det(found.scores, found.trials.same)}
    marks = {"all pairs": found.figures.rates["eer"].value}
    picture = _themed(
        lambda theme: error_tradeoff(curves, marks=marks, theme=theme),
        alt="Misses over false alarms; the EER stands in the table above",
    )
    return page.section(
        "Error tradeoff",
        picture,
        note="What every threshold costs. The dot is the EER; the nearer to the lower left, the better.",
    )


def _scores(found: Evaluation) -> Html:
    by_llr = found.llrs is not None
    values = found.llrs if found.llrs is not None else found.scores
    threshold = found.decisions.point.llr if found.decisions else None
    picture = _themed(
        lambda theme: score_histogram(
            values,
            found.trials.same,
            label="log-likelihood ratio, nats" if by_llr else AXES[found.scoring],
            threshold=threshold,
            theme=theme,
        ),
        alt="How often pairs of one speaker and of two get each score",
    )
    note = "The broken line is the threshold of the operating point." if by_llr else ""
    return page.section("Scores", picture, note=note)


def _part(name: str, rows: Sequence[Slice]) -> Html:
    title, note = PARTS[name]
    table = page.table(
        ("pairs", "of one speaker", "of two", "speakers", "EER", "95 % interval", "minDCF, 0.05"),
        (
            (
                row.name,
                f"{row.same:,}",
                f"{row.different:,}",
                f"{row.speakers:,}",
                rate("eer", row.eer),
                bounds("eer", row.eer),
                "" if row.min_dcf is None else f"{row.min_dcf:.3f}",
            )
            for row in rows
        ),
        numeric=(1, 2, 3, 4, 5, 6),
    )
    return page.section(title, table, note=note)


def _decided(found: Evaluation) -> str:
    decided = found.decisions
    if decided is None:
        return ""
    rows = [
        _answers("of one speaker", decided.same),
        _answers("of two speakers", decided.different),
    ]
    point = decided.point
    return page.section(
        "Decisions",
        page.table(
            ("pairs", "accepted", "rejected", "not enough speech", "accepted, of those decided"),
            rows,
            numeric=(1, 2, 3, 4),
        ),
        note=f"Operating point: prior {point.prior:g}, a miss costs {point.cost_miss:g}, a false accept "
        f"{point.cost_false_accept:g}; that is a log-likelihood ratio of {point.llr:.2f} or more.",
    )


def _answers(name: str, found: Answers) -> tuple[str, ...]:
    decided = found.accepted + found.rejected
    share = percent(found.accepted / decided) if decided else ""
    counts = (found.accepted, found.rejected, found.undecided)
    return (name, *(f"{count:,}" for count in counts), share)


def _trials(found: Evaluation, kept: str) -> Html:
    rows = [("made of", found.trials.origin or found.data), ("SHA-256", found.digest)]
    if kept:
        rows.append(("kept in", kept))
    body = page.table(("what", "which"), rows)
    if kept:
        command = f"sonant evaluate BUNDLE --data DATA --trials {kept}"
        body = Html(f"{body}<p>To repeat it: <code>{page.text(command)}</code></p>")
    return page.section(
        "Trials", body, note="The same list gives the same figures for every bundle."
    )
