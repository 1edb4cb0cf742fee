"""Parts of a list of trials: every trial in the part it belongs to, and no rate of too few."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.speakers.slices import FEWEST, Slicer
from sonant.verification import rates
from sonant.verification.trials import Trial, TrialList

SPEAKERS = [f"s{number}" for number in range(8)]


def trial(left: int, right: int, take: int) -> Trial:
    same = left == right
    return Trial(
        left=f"{SPEAKERS[left]}/{take}",
        right=f"{SPEAKERS[right]}/{take + 1}",
        same=same,
        left_speaker=SPEAKERS[left],
        right_speaker=SPEAKERS[right],
        same_session=(take % 2 == 0) if same else False,
    )


@pytest.fixture(scope="module")
def slicer() -> Slicer:
    pairs = [(a, b, take) for a in range(8) for b in range(8) for take in range(8 if a == b else 2)]
    trials = TrialList(trials=tuple(trial(*pair) for pair in pairs))
    rng = np.random.default_rng(0)
    scores = trials.same + rng.normal(0, 0.4, len(trials))
    return Slicer(trials=trials, scores=scores, rounds=20, seed=0)


def test_by_speech_every_trial_goes_by_its_lesser_side(slicer: Slicer) -> None:
    seconds = {name: 0.5 if name.startswith("s0") else 3.0 for name in slicer.trials.clips}
    short, long = slicer.by_speech(seconds)
    assert (short.name, long.name) == ("under 1 s", "2 to 4 s")
    assert short.same + short.different + long.same + long.different == len(slicer.trials)
    chosen = np.array(["s0" in (t.left_speaker, t.right_speaker) for t in slicer.trials])
    assert short.different == int((chosen & ~slicer.trials.same).sum())
    assert short.same == 8 < FEWEST
    assert (short.eer, short.min_dcf) == (None, None)
    want = rates.eer(slicer.scores[~chosen], slicer.trials.same[~chosen])
    assert long.eer is not None
    assert long.eer.value == pytest.approx(want)
    assert long.eer.low <= want <= long.eer.high


def test_by_session_every_pair_of_two_stands_beside_each_kind_of_one(slicer: Slicer) -> None:
    one, two = slicer.by_session()
    assert (one.name, two.name) == ("one session", "two sessions")
    assert one.same == two.same == 32
    assert one.different == two.different == int((~slicer.trials.same).sum())


def test_by_gender_within_each_and_nothing_where_none_is_known(slicer: Slicer) -> None:
    genders = {name: "female" if number < 4 else "male" for number, name in enumerate(SPEAKERS[:6])}
    found = {part.name: part for part in slicer.by_gender(genders)}
    assert list(found) == ["female", "male", "within a gender", "unknown"]
    assert (found["female"].same, found["female"].different) == (32, 4 * 3 * 2)
    assert found["within a gender"].same == found["female"].same + found["male"].same
    assert found["unknown"].speakers == 8
    assert slicer.by_gender({}) == ()
