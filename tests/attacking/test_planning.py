"""Which clips are attacked: of the split, none that somebody is known by, the same when more are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.attacking import planning
from sonant.attacking.cases import Plan
from sonant.attacking.planning import Asked
from sonant.attacks.victims import ANOTHER, CLAIMED, NOBODY
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.manifest import Manifest


def drawn(
    bundle: Path, data: Manifest, *, threshold: float | None = 0.5, **asked: object
) -> tuple[Plan, Asked, Manifest]:
    said = Asked(data=data, **asked)  # type: ignore[arg-type]
    card = Card.read(bundle)
    manifest = planning.manifest_of(said, card)
    return planning.plan(said, card, manifest, threshold=threshold), said, manifest


def test_who_wants_in_is_another_and_who_wants_out_is_the_same(
    speakers: Path, voices: Manifest
) -> None:
    accept, _, _ = drawn(speakers, voices, goal="accept")
    reject, _, _ = drawn(speakers, voices, goal="reject")
    for case in accept.cases:
        assert case.claim is not None
        assert (case.answer, case.away) == (CLAIMED, False)
        assert case.claim.speaker != case.item.speaker
    for case in reject.cases:
        assert case.claim is not None
        assert case.answer == ANOTHER
        assert case.claim.speaker == case.item.speaker
        assert case.claim.path != case.item.path
    assert {case.item.split for case in (*accept.cases, *reject.cases)} == {"test"}


def test_a_longer_plan_begins_as_a_shorter_one(speakers: Path, voices: Manifest) -> None:
    short, _, _ = drawn(speakers, voices, count=3)
    long, _, _ = drawn(speakers, voices, count=6)
    assert long.cases[:3] == short.cases
    assert len({case.path for case in long.cases}) == 6
    other, _, _ = drawn(speakers, voices, count=3, seed=1)
    assert other.cases != short.cases


def test_nobody_is_attacked_by_what_he_is_known_by(speakers: Path, voices: Manifest) -> None:
    plan, _, _ = drawn(speakers, voices, kind="open-identifier", goal="reject", enrolled=3)
    used = {item for items in plan.enrolled for item in items}
    assert plan.names[-1] == NOBODY
    assert all(len(items) == 2 for items in plan.enrolled)
    assert not used & {case.item for case in plan.cases}
    assert {case.item.speaker for case in plan.cases} <= set(plan.names)


def test_outsiders_want_to_be_anybody(speakers: Path, voices: Manifest) -> None:
    plan, _, _ = drawn(speakers, voices, kind="open-identifier", enrolled=2)
    assert all((case.answer, case.away) == (NOBODY, True) for case in plan.cases)
    assert not {case.item.speaker for case in plan.cases} & set(plan.names)


def test_words_want_to_be_another_or_one_word(recogniser: Path, words: Manifest) -> None:
    anything, _, _ = drawn(recogniser, words, threshold=None)
    assert all(case.away and case.answer == case.item.label for case in anything.cases)
    high, _, _ = drawn(recogniser, words, threshold=None, goal="high")
    assert all(case.answer == "high" != case.item.label for case in high.cases)


@pytest.mark.parametrize("goal", ["accept", "reject"])
def test_lessons_are_of_speakers_who_are_not_attacked(
    speakers: Path, voices: Manifest, goal: str
) -> None:
    plan, asked, manifest = drawn(speakers, voices, goal=goal, one_claim=True)
    lessons = planning.lessons(asked, plan, manifest)
    assert {case.item.split for case in lessons} == {"train"}
    assert {case.answer for case in lessons} == {plan.cases[0].answer}
    if goal == "accept":
        assert {case.claim for case in lessons} == {plan.cases[0].claim}


def test_what_cannot_be_learned_is_said(speakers: Path, voices: Manifest) -> None:
    plan, asked, manifest = drawn(speakers, voices, kind="identifier", threshold=None, enrolled=3)
    with pytest.raises(ManifestError, match="in no training split"):
        planning.lessons(asked, plan, manifest)
    with pytest.raises(ManifestError, match="has no split train"):
        planning.lessons(asked, plan, manifest.where(split="test"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "verifier"}, "tells words apart"),
        ({"goal": "house"}, "is no label of small"),
    ],
)
def test_what_words_are_not_is_refused(
    recogniser: Path, words: Manifest, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(ManifestError, match=said):
        drawn(recogniser, words, threshold=None, **asked)
