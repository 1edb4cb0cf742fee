"""Bundles as their users meet them: margins are above zero exactly where the attacker has what he wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bundles
from bundles import TONES_HZ, tone, write_tone
from sonant.attacking.cases import Case, Plan, sound
from sonant.attacking.ears import WordEar, ear_of, margins, opened
from sonant.card import Card
from sonant.errors import BundleError
from sonant.manifest import Item


def case(answer: str, *, away: bool = False, item: Item | None = None) -> Case:
    return Case(number=0, item=item or Item(path=Path("clip.wav")), answer=answer, away=away)


def test_a_margin_is_the_lead_over_the_next_best() -> None:
    scores = np.array([[1.0, 3.0, 2.0]] * 3)
    cases = [case("b"), case("a"), case("b", away=True)]
    np.testing.assert_allclose(margins(scores, cases, "abc"), [1.0, -2.0, -1.0])


def test_words_are_heard_by_the_graph(tiny_bundle: Path) -> None:
    card = Card.read(tiny_bundle)
    ear = WordEar(card, rate_hz=16_000, read=lambda _: tone("low"))
    scores = ear.scores([case("high")] * 2, [tone("high"), tone("low")])
    assert [ear.names[place] for place in scores.argmax(axis=1)] == ["high", "low"]


def test_sounds_of_another_rate_are_brought_to_the_graphs(tiny_bundle: Path) -> None:
    ear = WordEar(Card.read(tiny_bundle), rate_hz=8000, read=lambda _: tone("low"))
    (scores,) = ear.scores([case("high")], [tone("high", rate_hz=8000)])
    assert ear.names[int(scores.argmax())] == "high"


def test_a_stranger_is_only_asked_whether_the_answer_changes(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    card = Card.read(tiny_bundle)
    item = Item(path=write_tone(tmp_path / "clip.wav", "low"))
    plan = Plan(kind="verifier", goal="accept", cases=(), names=())
    ear = ear_of(
        card,
        plan,
        threshold=None,
        rate_hz=16_000,
        read=lambda one: sound(one, card.audio, task=card.task, longest_s=10.0),
    )
    seen = ear.seen(case("the claimed speaker", item=item))
    assert (seen.answer, seen.away) == ("low", True)
    found = margins(ear.scores([seen] * 2, [tone("low"), tone("mid")]), [seen] * 2, ear.names)
    assert found[0] < 0 < found[1]


def test_a_bundle_of_another_task_is_refused(tmp_path: Path) -> None:
    bundle = bundles.write_bundle(tmp_path, labels=tuple(TONES_HZ), changes={"task": "spoofing"})
    with pytest.raises(BundleError, match="with --against-detector"):
        opened(bundle)
