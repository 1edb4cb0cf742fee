"""What an evaluation of a speaker bundle says is what its graph and the rates of `verification` say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import voice_clips
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.speakers import calibrating, scorers
from sonant.speakers.evaluating import Evaluation, evaluate
from sonant.speakers.model import SpeakerModel
from sonant.verification import rates
from sonant.verification.trials import Trial, TrialList
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Six speakers; two clips of the last are found to have no speech."""
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    return SpeakerModel.load(write_voices(tmp_path_factory.mktemp("voices")), threads=1)


@pytest.fixture(scope="module")
def trials(clips: Manifest) -> TrialList:
    return TrialList.make(clips, per_speaker=12, different_per_same=2)


@pytest.fixture(scope="module")
def found(model: SpeakerModel, clips: Manifest, trials: TrialList) -> Evaluation:
    return evaluate(model, trials, trials.items(clips), rounds=20)


@pytest.fixture(scope="module")
def calibrated(model: SpeakerModel, clips: Manifest, trials: TrialList) -> SpeakerModel:
    kept = calibrating.calibrate(model, trials, trials.items(clips), rounds=5)
    return SpeakerModel(model.card, threads=1, deciding=kept.deciding)


def test_scores_are_cosines_of_the_graph(
    model: SpeakerModel, clips: Manifest, trials: TrialList, found: Evaluation
) -> None:
    items = dict(zip(trials.clips, trials.items(clips), strict=True))
    trial, score = found.trials.trials[7], found.scores[7]
    vectors = [model.embed(items[name]).vector.astype(float) for name in (trial.left, trial.right)]
    assert score == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)
    want = rates.eer(found.scores, found.trials.same)
    assert found.figures.rates["eer"].value == pytest.approx(want)
    assert (found.scoring, found.llrs, found.decisions) == ("cosine", None, None)


def test_trials_without_enough_speech_are_counted_and_left_out(
    trials: TrialList, found: Evaluation
) -> None:
    assert found.asked == len(trials) > len(found.trials)
    assert found.unreadable == 0
    assert found.left_out
    assert all("not enough speech" in line for line in found.left_out)
    assert {"speech", "session"} == set(found.slices)
    said = found.to_json()
    assert json.loads(json.dumps(said)) == said
    assert said["trials"]["sha256"] == trials.digest


def test_a_calibrated_bundle_decides_every_trial(
    calibrated: SpeakerModel, clips: Manifest, trials: TrialList, found: Evaluation
) -> None:
    decided = evaluate(calibrated, trials, trials.items(clips), rounds=5)
    assert decided.llrs is not None
    assert "cllr" in decided.figures.rates
    answers = decided.decisions
    assert answers is not None
    assert answers.seen
    same, accepted = decided.trials.same, decided.llrs >= answers.point.llr
    assert answers.same.accepted == int((same & accepted).sum())
    assert answers.different.accepted == int((~same & accepted).sum())
    for kind, one in ((True, answers.same), (False, answers.different)):
        assert one.accepted + one.rejected + one.undecided == int((trials.same == kind).sum())
    assert answers.same.undecided > 0
    assert np.array_equal(decided.scores, found.scores)


def test_another_scorer_leaves_the_calibration_behind(
    calibrated: SpeakerModel, clips: Manifest, trials: TrialList
) -> None:
    rng = np.random.default_rng(0)
    names = [f"c{number // 2}" for number in range(40)]
    scorer = scorers.fit("as-norm", np.abs(rng.normal(size=(40, 4))), names)
    found = evaluate(calibrated, trials, trials.items(clips), scorer=scorer, rounds=5)
    assert (found.scoring, found.llrs, found.decisions) == ("as-norm", None, None)


def test_genders_part_the_trials_where_they_are_known(
    model: SpeakerModel, clips: Manifest, trials: TrialList
) -> None:
    genders = {"s0000": "female", "s0001": "female"}
    found = evaluate(model, trials, trials.items(clips), genders=genders, rounds=5)
    assert [part.name for part in found.slices["gender"]] == ["female", "unknown"]


def test_clips_that_are_all_gone_say_so(model: SpeakerModel, tmp_path: Path) -> None:
    one = Trial(left="a.wav", right="b.wav", same=True, left_speaker="a", right_speaker="a")
    pair = TrialList(trials=(one,), name="pair")
    items = [Item(path=tmp_path / name) for name in pair.clips]
    with pytest.raises(ManifestError, match=r"none of 1 trials can be asked, as .*a\.wav"):
        evaluate(model, pair, items)
