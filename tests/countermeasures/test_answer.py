"""One answer of three: which decides, in which order reasons stand, and what is null."""

from __future__ import annotations

from itertools import product

import pytest

from sonant.countermeasures.answer import Answer
from sonant.countermeasures.guards import AlarmPoint, Finding, Kind
from sonant.speakers.verdict import Identification, Likely, OperatingPoint, Verdict

POINT = OperatingPoint(prior=0.5)
OLD = {
    "decision", "reason", "cosine", "llr", "probability", "operating_point", "speech_s", "snr_db"
}  # fmt: skip
NEW = {
    "reasons", "identity", "llr_same", "p_same", "p_spoof", "llr_bonafide", "p_adversarial",
    "llr_unattacked", "detectors",
}  # fmt: skip


def verdict(decision: str = "same", *, llr: float | None = 3.0) -> Verdict:
    return Verdict(
        decision=decision,  # type: ignore[arg-type]
        reason=f"the voices are {decision}",
        cosine=0.8,
        llr=llr,
        probability=None if llr is None else 0.95,
        operating_point=POINT,
        speech_s=2.5,
        snr_db=21.0,
    )


def identification(*, candidates: bool = True) -> Identification:
    likely = Likely(name="Ann", cosine=0.9, llr=4.0, probability=0.9)
    other = Likely(name="Bob", cosine=0.2, llr=-4.0, probability=0.01)
    return Identification(
        decision="known" if candidates else "nobody known",
        name="Ann" if candidates else None,
        reason="the nearest is Ann",
        candidates=(likely, other) if candidates else (),
        operating_point=POINT,
        speech_s=2.5,
        snr_db=21.0,
    )


def finding(kind: Kind, llr: float, *, calibrated: bool = True) -> Finding:
    return Finding(
        kind=kind, bundle=f"{kind}/1", llr=llr, calibrated=calibrated, point=AlarmPoint()
    )


def test_without_detectors_it_is_the_speaker_model_s_answer_and_nulls() -> None:
    found = Answer.of(verdict())
    assert (found.decision, found.reason) == ("same", "the voices are same")
    assert found.reasons == ("the voices are same",)
    assert found.spoof is found.adversarial is None
    tree = found.to_json()
    assert set(tree) == OLD | NEW
    for name in ("p_spoof", "llr_bonafide", "p_adversarial", "llr_unattacked"):
        assert tree[name] is None
    assert tree["detectors"] == {"spoof": None, "adversarial": None}


@pytest.mark.parametrize(("spoof", "adversarial"), list(product((None, 2.0, -2.0), repeat=2)))
def test_every_detector_that_is_there_is_heard_and_one_that_is_not_is_null(
    spoof: float | None, adversarial: float | None
) -> None:
    said: tuple[tuple[Kind, float | None], ...] = (("spoof", spoof), ("adversarial", adversarial))
    found = Answer.of(verdict(), [finding(kind, llr) for kind, llr in said if llr is not None])
    objecting = [kind for kind, llr in said if llr is not None and llr < 0]
    assert found.decision == (objecting[0] if objecting else "same")
    tree = found.to_json()
    assert (tree["llr_bonafide"], tree["llr_unattacked"]) == (spoof, adversarial)
    for name, llr in (("p_spoof", spoof), ("p_adversarial", adversarial)):
        assert (tree[name] is None) == (llr is None)
        if llr is not None:
            assert (tree[name] > 0.5) == (llr < 0)
    # The order never changes: voices, forgery, attack.
    wanted = ["the voices", *(f"the {kind} detector" for kind, llr in said if llr is not None)]
    assert len(found.reasons) == len(wanted)
    assert all(map(str.startswith, found.reasons, wanted))
    assert found.reason == (
        next(one for one in found.reasons if objecting[0] in one) if objecting else found.reasons[0]
    )
    assert tree["identity"] == "same"
    assert (tree["llr_same"], tree["p_same"]) == (tree["llr"], tree["probability"]) == (3.0, 0.95)


def test_the_order_of_findings_does_not_matter() -> None:
    both = [finding("adversarial", -2.0), finding("spoof", -2.0)]
    assert Answer.of(verdict(), both) == Answer.of(verdict(), both[::-1])
    assert Answer.of(verdict(), both).decision == "spoof"


def test_of_two_detectors_that_object_the_surer_one_decides() -> None:
    for spoof, adversarial, wanted in ((-1.0, -5.0, "adversarial"), (-5.0, -1.0, "spoof")):
        both = [finding("spoof", spoof), finding("adversarial", adversarial)]
        assert Answer.of(verdict(), both).decision == wanted
    # What counts is how far below its own threshold.
    sure = Finding(
        kind="spoof", bundle="a/1", llr=-5.0, calibrated=True, point=AlarmPoint(prior=0.01)
    )
    assert Answer.of(verdict(), [sure, finding("adversarial", -1.0)]).decision == "adversarial"


@pytest.mark.parametrize("voices", ["same", "different", "undecided"])
def test_a_calibrated_detector_that_objects_decides_whatever_the_voices_say(voices: str) -> None:
    found = Answer.of(verdict(voices), [finding("adversarial", -1.0)])
    assert found.decision == "adversarial"
    assert found.reason == found.reasons[1]
    assert found.to_json()["identity"] == voices


def test_an_uncalibrated_detector_accuses_nobody_and_lets_nobody_in() -> None:
    found = Answer.of(verdict(), [finding("spoof", -5.0, calibrated=False)])
    assert found.decision == "undecided"
    assert "it is uncalibrated" in found.reason
    assert found.p_spoof is not None
    assert found.p_spoof > 0.9
    assert found.to_json()["detectors"]["spoof"]["calibrated"] is False
    passed = Answer.of(verdict(), [finding("spoof", 5.0, calibrated=False)])
    assert passed.decision == "same"
    assert "it is uncalibrated" in passed.reasons[1]


def test_a_calibrated_detector_comes_before_an_uncalibrated_one() -> None:
    both = [finding("spoof", -5.0, calibrated=False), finding("adversarial", -1.0)]
    found = Answer.of(verdict(), both)
    assert found.decision == "adversarial"
    assert found.reason == found.reasons[2]


def test_of_a_clip_that_is_not_fit_to_be_judged_no_detector_counts() -> None:
    silent = verdict("undecided", llr=None)
    found = Answer.of(silent, [finding("spoof", -5.0)], objection="not enough speech: 0.00 s")
    assert (found.decision, found.reason) == ("undecided", silent.reason)
    assert found.reasons[1].endswith("not counted, as the clip is not fit to be judged")
    assert found.llr_bonafide == -5.0
    assert found.llr_same is found.p_same is None


def test_who_was_found_is_named_unless_a_detector_objects() -> None:
    found = Answer.of(identification(), [finding("spoof", 3.0)])
    assert (found.decision, found.name) == ("known", "Ann")
    assert (found.llr_same, found.p_same) == (4.0, 0.9)
    objected = Answer.of(identification(), [finding("spoof", -3.0)])
    assert (objected.decision, objected.name) == ("spoof", None)
    tree = objected.to_json()
    assert (tree["name"], tree["identity"]) == (None, "known")
    assert [one["name"] for one in tree["candidates"]] == ["Ann", "Bob"]
    assert Answer.of(verdict()).name is None


def test_where_nobody_is_near_nobody_is_alike() -> None:
    found = Answer.of(identification(candidates=False))
    assert (found.decision, found.llr_same, found.p_same) == ("nobody known", None, None)


def test_speech_and_noise_are_those_of_the_comparison() -> None:
    found = Answer.of(verdict(), [finding("spoof", 1.0)])
    assert (found.speech_s, found.snr_db) == (2.5, 21.0)


def test_the_answer_says_which_detector_it_was_and_at_which_point() -> None:
    about = Answer.of(verdict(), [finding("adversarial", 1.0)]).to_json()["detectors"]
    assert about["spoof"] is None
    assert about["adversarial"] == {
        "model": "adversarial/1", "calibrated": True, "prior": 0.5, "threshold": 0.5
    }  # fmt: skip
