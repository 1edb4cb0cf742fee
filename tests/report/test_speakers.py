"""The page of a speaker bundle says how the pairs came about, and what may be wrong with its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.report import speakers
from sonant.report.speakers import MOST_LISTED, bounds, rate, remarks_on, render
from sonant.speakers.evaluating import Answers, Decisions, Evaluation
from sonant.speakers.slices import Slice
from sonant.speakers.verdict import OperatingPoint
from sonant.verification import figures
from sonant.verification.intervals import Interval
from sonant.verification.trials import Trial, TrialList


@pytest.fixture(scope="module")
def found() -> Evaluation:
    pairs = [(a, b) for a in range(6) for b in range(6) for _ in range(3)]
    trials = TrialList(
        trials=tuple(
            Trial(
                left=f"{a}.wav",
                right=f"{b}.flac",
                same=a == b,
                left_speaker=f"s{a}",
                right_speaker=f"s{b}",
                same_session=a == b == 0,
            )
            for a, b in pairs
        ),
        name="<data>",
        origin="drawn by the test",
    )
    scores = trials.same + np.random.default_rng(0).normal(0, 0.5, len(trials))
    return Evaluation(
        bundle="voices/1",
        data=trials.name,
        scoring="cosine",
        trials=trials,
        scores=scores,
        llrs=None,
        figures=figures.measure(scores, trials, rounds=20),
        slices={"session": (Slice(name="one session", same=3, different=90, speakers=6, eer=None,
                                  min_dcf=None),)},
        decisions=None,
        asked=len(trials) + 10,
        digest=trials.digest,
        clips=12,
        left_out=("<hum>.wav: not enough speech",) * (MOST_LISTED + 2),
        unreadable=0,
        parameters=1000,
        macs_per_second=1e6,
        bundle_bytes=10_000,
    )  # fmt: skip


def calibrated(found: Evaluation, *, seen: bool = False) -> Evaluation:
    llrs = 5 * found.scores - 2
    return replace(
        found,
        llrs=llrs,
        figures=figures.measure(found.scores, found.trials, llrs=llrs, rounds=20),
        decisions=Decisions(
            point=OperatingPoint(prior=0.1),
            same=Answers(accepted=12, rejected=6, undecided=2),
            different=Answers(accepted=0, rejected=90, undecided=8),
            seen=seen,
        ),
    )


def test_the_same_figures_give_the_same_page_and_nothing_in_it_is_markup_of_others(
    found: Evaluation,
) -> None:
    page = render(found, title="<voices>", trials="page.trials.csv")
    assert page == render(found, title="<voices>", trials="page.trials.csv")
    for hostile in ("<voices>", "<data>", "<hum>"):
        assert hostile not in page
        assert hostile.replace("<", "&lt;").replace(">", "&gt;") in page
    for part in ("EER", "By session", "too few pairs", "and 2 more", "drawn by the test",
                 found.digest, "--trials page.trials.csv"):  # fmt: skip
        assert part in page
    assert "Decisions" not in page


def test_what_was_decided_is_there_once_it_is_calibrated(found: Evaluation) -> None:
    page = render(calibrated(found), title="voices")
    for part in ("Decisions", "not enough speech", "prior 0.1", "66.7 %", "Cllr"):
        assert part in page
    assert "Uncalibrated" not in page


def test_remarks_say_what_a_reader_has_to_know(found: Evaluation) -> None:
    said = " ".join(remarks_on(found))
    assert "3 are of one session, 15 of two" in said
    assert "10 of 118 pairs fell with 52 clips left out" in said
    assert "Uncalibrated" in said
    assert "of 90 pairs of two speakers" in said
    assert "too rosy" in " ".join(remarks_on(calibrated(found, seen=True)))
    assert "too rosy" not in " ".join(remarks_on(calibrated(found)))


def test_rates_are_written_as_a_table_has_room_for_them() -> None:
    interval = Interval(value=0.0512, low=0.01, high=0.1, rounds=5)
    assert (rate("eer", interval), bounds("eer", interval)) == ("5.1 %", "1.0 to 10.0 %")
    assert (rate("cllr", interval), bounds("cllr", interval)) == ("0.051", "0.010 to 0.100")
    assert (rate("eer", None), bounds("eer", None)) == ("too few pairs", "")
    assert speakers.left_out(()) == ""
