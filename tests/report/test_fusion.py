"""The page of a fusion says plainly whether it helped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.report.fusion import render, verdict
from sonant.speakers import fusing
from sonant.speakers.fusing import Comparison, Row
from sonant.verification import figures
from sonant.verification.intervals import Interval
from sonant.verification.trials import Trial, TrialList

SYSTEMS = ("a/1", "b/1", fusing.EQUAL, fusing.MEAN, fusing.LEARNED, fusing.LOGISTIC)


@pytest.fixture(scope="module")
def found() -> Comparison:
    trials = TrialList(
        trials=tuple(
            Trial(
                left=f"{a}", right=f"{b}", same=a == b, left_speaker=f"s{a}", right_speaker=f"s{b}"
            )
            for a in range(5)
            for b in range(5)
            for _ in range(4)
        ),
        name="made up",
    )
    rng = np.random.default_rng(0)
    scores = {name: trials.same + rng.normal(0, 0.5, len(trials)) for name in SYSTEMS}
    return Comparison(
        rows=tuple(
            Row(name=name, figures=figures.measure(column, trials, llrs=column, rounds=10))
            for name, column in scores.items()
        ),
        best="a/1",
        gain=Interval(value=-0.02, low=-0.05, high=0.01, rounds=10),
        trials=trials,
        curves={name: (column, trials.same) for name, column in scores.items()},
    )


def test_every_system_stands_in_the_table_with_what_it_does(found: Comparison) -> None:
    page = render(found, title="both", weights={"a/1": 0.75, "b/1": 0.25})
    for part in (*SYSTEMS, "0.750", "side by side", "made up", found.trials.digest, verdict(found)):
        assert part in page
    assert page == render(found, title="both", weights={"a/1": 0.75, "b/1": 0.25})


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.05, -0.01, "Fusing lowers the EER"),
        (-0.05, 0.01, "No difference from the EER of a/1 can be told"),
        (0.01, 0.05, "Take that by itself"),
    ],
)
def test_a_gain_is_one_only_where_its_interval_says_so(
    found: Comparison, low: float, high: float, said: str
) -> None:
    gain = Interval(value=(low + high) / 2, low=low, high=high, rounds=10)
    assert said in verdict(replace(found, gain=gain))
