"""From trials with their truth to the next version of a bundle, which decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import voice_clips
from not_speech import NOT_SPEECH, RATE_HZ
from sonant import audio
from sonant.audio import Clip
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.speakers import calibrating
from sonant.speakers.calibrating import Calibrated, calibrate
from sonant.speakers.deciding import Deciding
from sonant.speakers.model import SpeakerModel
from sonant.speakers.verdict import OperatingPoint
from sonant.verification import quality as measures
from sonant.verification import rates
from sonant.verification.calibration import Calibration
from sonant.verification.trials import Trial, TrialList
from voice_bundle import write_voices

POINT = OperatingPoint(prior=0.2, cost_false_accept=3.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    return SpeakerModel.load(write_voices(tmp_path_factory.mktemp("voices")))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Six speakers; two clips of the last are found to have no speech."""
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture(scope="module")
def trials(clips: Manifest) -> TrialList:
    return TrialList.make(clips, per_speaker=12)


@pytest.fixture(scope="module")
def found(model: SpeakerModel, clips: Manifest, trials: TrialList) -> Calibrated:
    return calibrate(model, trials, trials.items(clips), point=POINT, rounds=20)


@pytest.fixture(scope="module")
def kept(model: SpeakerModel, clips: Manifest, trials: TrialList) -> TrialList:
    """The trials of clips with speech."""
    paths = dict(zip(trials.clips, trials.items(clips), strict=True))
    sound = {name for name, item in paths.items() if not model.objection(model.hear(item))}
    return trials.where(trial.left in sound and trial.right in sound for trial in trials)


def cosines(model: SpeakerModel, clips: Manifest, trials: TrialList) -> list[float]:
    paths = dict(zip(trials.clips, trials.items(clips), strict=True))
    vectors = {name: model.embed(item).vector.astype(float) for name, item in paths.items()}
    return [float(vectors[trial.left] @ vectors[trial.right]) for trial in trials]


def test_it_is_fitted_to_all_trials_with_enough_speech(
    model: SpeakerModel, clips: Manifest, trials: TrialList, kept: TrialList, found: Calibrated
) -> None:
    want = Calibration.fit(cosines(model, clips, kept), kept.same, trials=kept.digest)
    assert found.calibration.slope == pytest.approx(want.slope, rel=1e-6)
    assert found.calibration.offset == pytest.approx(want.offset, rel=1e-6)
    assert (found.calibration.same, found.calibration.trials) == (want.same, kept.digest)
    assert 0 < found.dropped == len(trials) - len(kept)
    assert len(found.left_out) > 0
    assert all("s0005" in line and "not enough speech" in line for line in found.left_out)
    assert (found.point, found.gate) == (POINT, model.deciding.gate)


def test_what_is_measured_was_not_fitted_to(
    model: SpeakerModel, clips: Manifest, kept: TrialList, found: Calibrated
) -> None:
    one, two = kept.halves()
    assert not set(one.speakers) & set(two.speakers)
    llrs, scores, same = [], [], []
    for fitted, held in ((one, two), (two, one)):
        fit = Calibration.fit(cosines(model, clips, fitted), fitted.same)
        scores += cosines(model, clips, held)
        llrs += fit.llr(cosines(model, clips, held)).tolist()
        same += held.same.tolist()
    measured = found.figures
    assert measured.rates["cllr"].value == pytest.approx(rates.cllr(llrs, same), rel=1e-6)
    assert measured.rates["eer"].value == pytest.approx(rates.eer(scores, same))
    assert measured.rates["min_dcf_0.01"].value == pytest.approx(rates.min_dcf(scores, same))
    assert measured.rates["eer"].low <= measured.rates["eer"].value
    assert found.across == len(kept) - len(same)
    assert dict(calibrating.summary(found))["LLR"].startswith(f"{found.calibration.slope:.4g} cos")


def test_the_next_version_decides_and_the_old_one_stays(
    model: SpeakerModel, clips: Manifest, found: Calibrated
) -> None:
    card = replace(model.card, operating_point={"decision": {"threshold": 0.5}})
    written = calibrating.keep(card, found)
    assert written == model.card.path.parent / "2"
    after = SpeakerModel.load(written.parent)
    assert after.deciding == found.deciding
    assert after.digest == model.digest  # stores made with the old one are still good
    point = after.card.operating_point or {}
    assert point["decision"] == {"threshold": 0.5}
    assert point["speakers"]["figures"]["eer"]["value"] == found.figures.rates["eer"].value
    assert Deciding.of(Card.read(model.card.path)).calibration is None
    file = voice_clips.of(clips, 0)
    verdict = after.verify_files(file, file)
    assert verdict.operating_point == POINT
    assert verdict.llr == pytest.approx(
        found.calibration.slope + found.calibration.offset, rel=0.01
    )


def test_quality_counts_where_it_is_asked_for(
    model: SpeakerModel, clips: Manifest, trials: TrialList, found: Calibrated
) -> None:
    assert found.calibration.quality == {}
    names = ("speech_s", "snr_db", "norm")
    items = trials.items(clips)
    listens = calibrate(model, trials, items, quality=names, rounds=5)
    assert tuple(listens.calibration.quality) == names
    heard = [model.hear(voice_clips.of(clips, number)) for number in (0, 1)]
    cosine = float(heard[0].embedding.vector @ heard[1].embedding.vector)
    sides = measures.of_pairs(heard[0].measures(), heard[1].measures())
    judge = SpeakerModel(model.card, deciding=listens.deciding)
    want = float(listens.calibration.llr(cosine, sides))
    assert judge.verify(*heard).llr == pytest.approx(want, rel=1e-6)
    # What says how alike is enough has to take the quality of the clips into account as well.
    assert judge.cluster([voice_clips.of(clips, 0)] * 2).clusters.count == 1
    with pytest.raises(ManifestError, match="quality 'loudness': want some of speech_s"):
        calibrate(model, trials, items, quality=["loudness"])


def test_a_graph_without_a_norm_cannot_give_it(
    tmp_path: Path, clips: Manifest, trials: TrialList
) -> None:
    plain = SpeakerModel.load(write_voices(tmp_path, norm=False))
    with pytest.raises(ManifestError, match="'norm': this bundle's graph does not give it"):
        calibrate(plain, trials, trials.items(clips), quality=["norm"])


def test_clips_are_heard_once_each_with_their_progress(
    model: SpeakerModel, clips: Manifest, trials: TrialList
) -> None:
    told: list[tuple[int, int]] = []
    items = trials.items(clips)
    calibrate(model, trials, items, rounds=5, on_progress=lambda *now: told.append(now))
    assert told == [(number, len(items)) for number in range(1, len(trials.clips) + 1)]


def test_too_few_speakers_and_nameless_ones_are_refused(
    model: SpeakerModel, clips: Manifest, trials: TrialList
) -> None:
    few = trials.where(
        {trial.left_speaker, trial.right_speaker} <= {"s0000", "s0001", "s0002"} for trial in trials
    )
    with pytest.raises(ManifestError, match=r"of 3 speakers; .* takes 4 or more"):
        calibrate(model, few, few.items(clips))
    nameless = replace(trials, trials=tuple(replace(trial, left_speaker="") for trial in trials))
    with pytest.raises(ManifestError, match="does not say who speaks"):
        calibrate(model, nameless, nameless.items(clips))


def test_clips_that_nobody_speaks_in_say_so(model: SpeakerModel, tmp_path: Path) -> None:
    audio.write(tmp_path / "hum.wav", Clip(NOT_SPEECH["hum at 50 Hz"], RATE_HZ))
    one = Trial(left="hum.wav", right="gone.wav", same=True, left_speaker="a", right_speaker="a")
    pair = TrialList(trials=(one,), name="hums")
    with pytest.raises(ManifestError, match="hums: 0 trials of 0 speakers, 2 clips left out, as"):
        calibrate(model, pair, calibrating.located(pair, tmp_path))


def test_a_bare_list_finds_its_clips_below_a_folder() -> None:
    pairs = TrialList(
        trials=(
            Trial(left="a.wav", right="b/c.wav#t=0.5,2", same=False),
            Trial(left="a.wav#t=,2", right="a.wav#t=1", same=True),
        )
    )
    folder = Path("somewhere")
    found = dict(zip(pairs.clips, calibrating.located(pairs, folder), strict=True))
    assert found == {
        "a.wav": Item(path=folder / "a.wav"),
        "a.wav#t=,2": Item(path=folder / "a.wav", end_s=2.0),
        "a.wav#t=1": Item(path=folder / "a.wav", start_s=1.0),
        "b/c.wav#t=0.5,2": Item(path=folder / "b" / "c.wav", start_s=0.5, end_s=2.0),
    }
    odd = TrialList(trials=(Trial(left="a.wav#t=one", right="b.wav", same=True),))
    with pytest.raises(ManifestError, match="written #t=START,END"):
        calibrating.located(odd, folder)


def test_speakers_come_from_the_clips_where_the_list_does_not_name_them() -> None:
    pairs = TrialList(trials=(Trial(left="a", right="b", same=True),), name="pairs")
    items = [Item(path=Path(name), speaker="ann") for name in pairs.clips]
    (trial,) = calibrating.named(pairs, items).trials
    assert (trial.left_speaker, trial.right_speaker) == ("ann", "ann")
    items[1] = replace(items[1], speaker="bob")
    with pytest.raises(
        ManifestError, match="said to be of the same speakers, but theirs are 'ann'"
    ):
        calibrating.named(pairs, items)
    unknown = [replace(item, speaker="") for item in items]
    assert calibrating.named(pairs, unknown) == pairs


def test_the_card_takes_all_figures_as_plain_numbers(found: Calibrated) -> None:
    tree = found.to_dict()
    assert set(tree["figures"]) >= {"eer", "min_dcf_0.01", "min_dcf_0.05", "cllr", "min_cllr"}
    assert all(np.isfinite(rate["value"]) for rate in tree["figures"].values())
    assert tree["chosen_on"]["clips_left_out"] == len(found.left_out)
