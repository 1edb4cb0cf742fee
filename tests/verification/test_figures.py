"""All rates of a system at once, with what they were measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sonant.manifest import Item, Manifest
from sonant.verification import rates
from sonant.verification.calibration import Calibration
from sonant.verification.figures import OF_LLRS, OF_SCORES, measure
from sonant.verification.trials import TrialList


def test_scores_give_some_rates_and_llrs_the_others() -> None:
    items = [Item(path=Path(f"/v/{s}/{n}.wav"), speaker=s) for s in "abcdef" for n in range(4)]
    trials = TrialList.make(Manifest(items=tuple(items)), per_speaker=6, different_per_same=4)
    scores = np.random.default_rng(0).normal(size=len(trials)) + 2.0 * trials.same
    plain = measure(scores, trials, rounds=20)
    assert list(plain.rates) == list(OF_SCORES)
    llrs = Calibration.fit(scores, trials.same).llr(scores)
    full = measure(scores, trials, llrs=llrs, rounds=20)
    assert list(full.rates) == [*OF_SCORES, *OF_LLRS]
    assert full.rates["eer"] == plain.rates["eer"]
    assert full.rates["cllr"].value == rates.cllr(llrs, trials.same)
    assert full.rates["min_dcf_0.05"].value == rates.min_dcf(scores, trials.same, prior=0.05)
    assert full.rates["act_dcf_0.01"].value == rates.act_dcf(llrs, trials.same, prior=0.01)
    assert full.rates["act_dcf_0.05"].value == rates.act_dcf(llrs, trials.same, prior=0.05)
    assert (full.same, full.different, full.speakers) == (36, 144, 6)
    assert (full.digest, full.sessions.unknown) == (trials.digest, 36)
