"""Pairs are drawn by hashes of names: different ones, fairly, from few possibilities or very many."""

from __future__ import annotations

from collections import Counter

from sonant.verification.drawing import LISTED, Clip, Wanted, one_session, pairs


def clips(speaker: str, count: int) -> list[Clip]:
    return [
        Clip(name=f"{speaker}{n}", speaker=speaker, file=f"{speaker}{n}", session="")
        for n in range(count)
    ]


def wanted(per_speaker: int) -> Wanted:
    return Wanted(per_speaker=per_speaker, different_per_same=1, seed=0)


def test_from_very_many_possibilities_as_many_are_drawn_as_are_wanted() -> None:
    people = {"a": clips("a", 300), "b": clips("b", 300)}
    assert LISTED < 300 * 299 // 2
    found = list(pairs(people, wanted(200), two_sessions=False))
    assert len(found) == 800
    assert len({frozenset((left.name, right.name)) for left, right in found}) == 800


def test_every_other_speaker_is_as_likely_however_many_clips_they_have() -> None:
    people = {"a": clips("a", 60), "b": clips("b", 4), "c": clips("c", 80)}
    found = pairs(people, wanted(100), two_sessions=False)
    met = Counter(right.speaker for left, right in found if left.speaker == "a")
    assert met["a"] == 100
    assert 35 <= met["b"] <= 65


def test_all_pairs_are_taken_where_there_are_no_more() -> None:
    found = list(pairs({"a": clips("a", 4)}, wanted(50), two_sessions=False))
    assert len(found) == 6


def test_one_file_is_one_session_and_without_a_name_it_is_unknown() -> None:
    def clip(file: str, session: str) -> Clip:
        return Clip(name=f"{file}{session}", speaker="a", file=file, session=session)

    assert one_session(clip("x", ""), clip("x", "")) is True
    assert one_session(clip("x", "1"), clip("y", "1")) is True
    assert one_session(clip("x", "1"), clip("y", "2")) is False
    assert one_session(clip("x", "1"), clip("y", "")) is None
