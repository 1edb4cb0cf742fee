"""Nearest neighbours: the same as comparing everybody by hand, whatever came and went before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.speakers import index
from sonant.speakers.search import Search
from voices import voice

SIZE = 8
Change = tuple[str, int, int]
CHANGES = st.lists(
    st.tuples(st.sampled_from(("put", "remove")), st.integers(0, 30), st.integers(0, 1000)),
    max_size=60,
)


def by_hand(kept: dict[int, np.ndarray], vector: np.ndarray, top: int) -> list[tuple[int, float]]:
    scored = [(key, float((one.astype(float) * vector).sum())) for key, one in kept.items()]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:top]


@settings(max_examples=60, deadline=None)
@given(changes=CHANGES, heard=st.integers(0, 1000), top=st.integers(0, 40))
def test_the_answer_is_that_of_a_plain_loop(changes: list[Change], heard: int, top: int) -> None:
    search, kept = Search(SIZE), {}
    for what, key, number in changes:
        if what == "put":
            (kept[key],) = voice(number, utterances=1, size=SIZE)
            search.put([key], kept[key][None])
        else:
            kept.pop(key, None)
            search.remove(key)
    (vector,) = voice(heard, utterances=1, size=SIZE)
    found, wanted = search.nearest(vector, top=top), by_hand(kept, vector, top)
    assert len(search) == len(kept)
    assert found == wanted


def test_equals_come_in_the_order_of_their_numbers_also_at_the_last_place() -> None:
    search = Search(SIZE)
    (same,) = voice(1, utterances=1, size=SIZE)
    search.put([5, 3, 9, 1, 7], np.tile(same, (5, 1)))
    assert [key for key, _ in search.nearest(same, top=3)] == [1, 3, 5]


@pytest.fixture
def many() -> tuple[list[int], np.ndarray]:
    """Numbers and vectors of 3,000 speakers."""
    vectors = np.concatenate([voice(number, utterances=1, size=SIZE) for number in range(3000)])
    return [10 * number for number in range(3000)], vectors


def test_without_the_index_library_everybody_is_compared(
    many: tuple[list[int], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonant.speakers.search.has_library", lambda: False)
    keys, vectors = many
    search = Search(SIZE, exact_up_to=100)
    search.put(keys, vectors)
    for number in (0, 1500, 2999):
        assert search.nearest(vectors[number], top=1)[0][0] == keys[number]


def test_the_index_finds_what_is_there_and_not_what_has_gone(
    many: tuple[list[int], np.ndarray],
) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    keys, vectors = many
    search, exact = Search(SIZE, exact_up_to=1000), Search(SIZE)
    for one in (search, exact):
        one.put(keys[:2500], vectors[:2500])
    search.nearest(vectors[0], top=1)
    for one in (search, exact):
        one.put(keys[2500:], vectors[2500:])
        one.put(keys[:10], -vectors[:10])
        for key in keys[100:200]:
            one.remove(key)
    for number in (*range(10), *range(300, 400), *range(2900, 3000)):
        sign = -1 if number < 10 else 1
        assert search.nearest(sign * vectors[number], top=1)[0][0] == keys[number]
    for number in range(100, 200):
        near = [key for key, _ in search.nearest(vectors[number], top=5)]
        assert not set(near) & set(keys[100:200])
    same = [
        search.nearest(vectors[number], top=1) == exact.nearest(vectors[number], top=1)
        for number in range(200, 2900, 9)
    ]
    assert np.mean(same) == 1.0


def test_an_index_is_made_anew_when_it_is_outgrown(many: tuple[list[int], np.ndarray]) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    keys, vectors = many
    first = index.Index(np.array(keys[:1000]), vectors[:1000])
    assert not first.outgrown
    first.put(np.array(keys[1000:2000]), vectors[1000:2000])
    assert not first.outgrown
    first.put(np.array(keys[:1]), vectors[:1])
    assert first.outgrown
