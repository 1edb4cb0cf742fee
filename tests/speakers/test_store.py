"""The store, in SQLite and in PostgreSQL alike: what goes in, who is found, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from sonant.errors import StoreError
from sonant.speakers.store import SpeakerStore
from voices import MODEL, OTHER_MODEL, SIZE, crowd, voice

Opened = Callable[[], SpeakerStore]


def test_somebody_enrolled_is_found_by_another_utterance(store: SpeakerStore) -> None:
    for number in range(20):
        store.enroll(f"speaker {number}", voice(number), model_digest=MODEL)
    heard = voice(7, utterances=5)[4]
    nearest = store.identify(heard, 3, model_digest=MODEL)
    assert nearest[0].name == "speaker 7"
    assert len(nearest) == 3
    assert [one.cosine for one in nearest] == sorted((one.cosine for one in nearest), reverse=True)
    middle = voice(7).mean(axis=0)
    assert nearest[0].cosine == pytest.approx(heard @ middle / np.linalg.norm(middle), abs=1e-6)


def test_nobody_is_found_where_nobody_is_enrolled(store: SpeakerStore) -> None:
    assert store.identify(voice(1)[0], model_digest=MODEL) == []
    assert store.names() == []
    assert store.count() == 0
    assert store.model_digest is None


def test_more_utterances_of_a_speaker_move_the_middle_and_none_is_lost(store: SpeakerStore) -> None:
    many = voice(1, utterances=9)
    for part in (many[:2], many[2:3], many[3:]):
        told = store.enroll("Ada", part, model_digest=MODEL)
    assert told.utterances == 9
    (listed,) = store.speakers()
    assert listed == told
    middle = many.mean(axis=0)
    np.testing.assert_allclose(store.centre("Ada"), middle / np.linalg.norm(middle), atol=1e-6)
    _, kept = store.snapshot()
    np.testing.assert_array_equal([one.vector for one in kept], many)


def test_the_same_embedding_again_changes_nothing(store: SpeakerStore) -> None:
    store.enroll("Ada", voice(1), model_digest=MODEL, sources=["a", "b", "c"])
    before = store.centre("Ada")
    assert store.enroll("Ada", voice(1), model_digest=MODEL).utterances == 3
    np.testing.assert_array_equal(store.centre("Ada"), before)
    assert [one.source for one in store.snapshot()[1]] == ["a", "b", "c"]


def test_enrolling_anew_drops_what_was_there(store: SpeakerStore) -> None:
    store.enroll("Ada", voice(1), model_digest=MODEL)
    assert store.enroll("Ada", voice(2)[:2], model_digest=MODEL, replace=True).utterances == 2
    (nearest,) = store.identify(voice(2)[2], model_digest=MODEL)
    assert nearest.cosine > 0.8
    np.testing.assert_array_equal([one.vector for one in store.snapshot()[1]], voice(2)[:2])


def test_vectors_of_any_length_are_kept_as_directions(store: SpeakerStore) -> None:
    store.enroll("Ada", 40 * voice(1), model_digest=MODEL)
    (nearest,) = store.identify(0.01 * voice(1)[0], model_digest=MODEL)
    assert 0.9 < nearest.cosine <= 1.0 + 1e-6


def test_a_store_never_mixes_models(store: SpeakerStore) -> None:
    store.enroll("Ada", voice(1), model_digest=MODEL)
    with pytest.raises(StoreError, match=r"model aaaaaaaaaaaa, not of bbbbbbbbbbbb"):
        store.enroll("Ada", voice(1), model_digest=OTHER_MODEL)
    with pytest.raises(StoreError, match="cannot be compared"):
        store.identify(voice(1)[0], model_digest=OTHER_MODEL)
    with pytest.raises(StoreError, match=rf"has {SIZE + 1} numbers, want {SIZE}"):
        store.enroll("Bo", voice(2, size=SIZE + 1), model_digest=MODEL)
    with pytest.raises(StoreError, match=rf"has {SIZE + 1} numbers"):
        store.identify(voice(2, size=SIZE + 1)[0], model_digest=MODEL)
    assert store.names() == ["Ada"]


def test_an_empty_store_takes_another_model(opened: Opened) -> None:
    store, watching = opened(), opened()
    store.enroll("Ada", voice(1), model_digest=MODEL)
    assert watching.identify(voice(1)[0], model_digest=MODEL)
    store.forget("Ada")
    store.enroll("Bo", voice(2, size=SIZE + 1), model_digest=OTHER_MODEL)
    heard = voice(2, size=SIZE + 1)[0]
    assert [one.name for one in watching.identify(heard, model_digest=OTHER_MODEL)] == ["Bo"]
    with pytest.raises(StoreError, match="cannot be compared"):
        watching.identify(voice(1)[0], model_digest=MODEL)


def test_who_is_forgotten_is_not_found_again(opened: Opened) -> None:
    store, watching = opened(), opened()
    store.enroll_all(crowd(10, utterances=2), model_digest=MODEL)
    assert watching.identify(voice(4)[0], 1, model_digest=MODEL)[0].name == "speaker 4"
    assert store.forget("speaker 4") == 2
    for one in (store, watching):
        names = [found.name for found in one.identify(voice(4)[0], 10, model_digest=MODEL)]
        assert len(names) == 9
        assert "speaker 4" not in names
    with pytest.raises(StoreError, match="nobody is enrolled as 'speaker 4'"):
        store.forget("speaker 4")
    with pytest.raises(StoreError, match="nobody is enrolled"):
        store.centre("speaker 4")


def test_each_opener_sees_what_the_other_does(opened: Opened) -> None:
    one, other = opened(), opened()
    one.enroll("Ada", voice(1), model_digest=MODEL)
    assert [found.name for found in other.identify(voice(1)[0], model_digest=MODEL)] == ["Ada"]
    other.enroll("Bo", voice(2), model_digest=MODEL)
    one.enroll("Ada", voice(3), model_digest=MODEL, replace=True)
    for store in (one, other):
        assert store.identify(voice(2)[0], 1, model_digest=MODEL)[0].name == "Bo"
        assert store.identify(voice(3)[0], 1, model_digest=MODEL)[0].name == "Ada"


def test_many_are_enrolled_together_or_none(store: SpeakerStore) -> None:
    utterances = [*crowd(5), *crowd(5, size=SIZE + 2)]
    with pytest.raises(StoreError, match="numbers, want"):
        store.enroll_all(utterances, model_digest=MODEL)
    assert store.names() == []
    told = store.enroll_all(crowd(5, utterances=2), model_digest=MODEL)
    assert [one.name for one in told] == [f"speaker {number}" for number in range(5)]


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\0b", "x" * 201])
def test_a_name_nobody_can_have_is_refused(store: SpeakerStore, name: str) -> None:
    with pytest.raises(StoreError, match="is no name"):
        store.enroll(name, voice(1), model_digest=MODEL)


def test_one_name_written_in_two_ways_is_one_speaker(store: SpeakerStore) -> None:
    store.enroll("Zoë", voice(1)[:1], model_digest=MODEL)
    told = store.enroll(" Zoe\u0308 ", voice(1)[1:], model_digest=MODEL)
    assert told.utterances == 3
    assert store.names() == ["Zoë"]


@pytest.mark.parametrize(
    "embeddings", [np.zeros((2, SIZE)), np.full(SIZE, np.nan), np.zeros((0, SIZE)), 3.0]
)
def test_what_is_no_direction_is_refused(store: SpeakerStore, embeddings: np.ndarray) -> None:
    with pytest.raises(StoreError, match="embedding"):
        store.enroll("Ada", embeddings, model_digest=MODEL)
    assert store.names() == []


def test_opposite_embeddings_are_not_of_one_speaker(store: SpeakerStore) -> None:
    store.enroll("Ada", voice(1)[:1], model_digest=MODEL)
    with pytest.raises(StoreError, match="not of one speaker"):
        store.enroll("Ada", -voice(1)[:1], model_digest=MODEL)
    assert store.speakers()[0].utterances == 1


def test_a_store_without_a_model_digest_is_no_store(store: SpeakerStore) -> None:
    with pytest.raises(StoreError, match="model_digest is empty"):
        store.enroll("Ada", voice(1), model_digest="")


def test_sources_are_counted(store: SpeakerStore) -> None:
    with pytest.raises(StoreError, match="3 embeddings, but 1 sources"):
        store.enroll("Ada", voice(1), model_digest=MODEL, sources=["a.wav"])


def test_many_threads_and_openers_write_and_read_at_once(opened: Opened) -> None:
    stores, wrong = [opened() for _ in range(3)], []
    stores[0].enroll("first", voice(999), model_digest=MODEL)

    def work(thread: int) -> None:
        store = stores[thread % 3]
        try:
            for number in range(thread * 10, thread * 10 + 10):
                store.enroll(f"speaker {number}", voice(number), model_digest=MODEL)
                (found,) = store.identify(voice(number)[0], 1, model_digest=MODEL)
                assert found.name == f"speaker {number}"
                (found,) = store.identify(voice(999)[0], 1, model_digest=MODEL)
                assert found.name == "first"
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for store in stores:
        assert len(store.names()) == 61
        assert all(one.utterances == 3 for one in store.speakers())
        for number in (0, 31, 59):
            (found,) = store.identify(voice(number)[1], 1, model_digest=MODEL)
            assert found.name == f"speaker {number}"


def test_a_store_of_a_newer_sonant_is_refused_also_while_it_is_open(
    store: SpeakerStore, opened: Opened
) -> None:
    store.enroll("Ada", voice(1), model_digest=MODEL)
    with store._database.transaction(write=True) as query:
        query("UPDATE sonant_store SET schema = 2")
    with pytest.raises(StoreError, match="has schema 2, and this sonant knows 1"):
        opened()
    with pytest.raises(StoreError, match="install a newer sonant"):
        store.identify(voice(1)[0], model_digest=MODEL)
    with pytest.raises(StoreError, match="install a newer sonant"):
        store.enroll("Bo", voice(2), model_digest=MODEL)


def test_everybody_is_counted_once_whoever_enrolled_them(
    store: SpeakerStore, opened: Opened
) -> None:
    store.enroll_all(crowd(7, utterances=2), model_digest=MODEL)
    opened().enroll("Ada", voice(9), model_digest=MODEL)
    assert store.count() == 8
    store.forget("speaker 3")
    assert store.count() == opened().count() == len(store.names()) == 7


def test_a_clip_that_was_run_in_other_company_is_kept_once(store: SpeakerStore) -> None:
    """A batch rounds otherwise than one clip alone."""
    (first,) = voice(1, utterances=1)
    again = first + np.float32(3e-7) * np.sign(first)
    assert store.enroll("Ada", [first], model_digest=MODEL).utterances == 1
    assert store.enroll("Ada", [again, first], model_digest=MODEL).utterances == 1
    assert store.enroll("Bo", [again, first], model_digest=MODEL).utterances == 1
    np.testing.assert_array_equal(store.snapshot()[1][0].vector, first)
