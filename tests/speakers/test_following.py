"""Who speaks in a live stream is told while speech accumulates, and anew after a pause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import voices
from bundles import RATE_HZ
from serving.voiced import clip, loud_is_speech, write_calibrated
from sonant.audio import Samples
from sonant.errors import AudioError, StoreError
from sonant.speakers import gates
from sonant.speakers.following import Following, Moment
from sonant.speakers.model import SpeakerModel
from sonant.speakers.store import SpeakerStore

SILENCE = np.zeros(RATE_HZ // 2, np.float32)
"""Half a second."""
ANN, BOB = clip("ann", seconds=2.0, seed=5), clip("bob", seconds=1.0, seed=5)
TALK = np.concatenate([SILENCE, SILENCE, ANN, *[SILENCE] * 3, BOB])
"""A second of silence, Ann to 3 s, silence to 4.5 s, Bob to the end."""


@pytest.fixture(scope="module", autouse=True)
def _() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "measure", loud_is_speech)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    return SpeakerModel.load(write_calibrated(tmp_path_factory.mktemp("voices")), threads=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, model: SpeakerModel) -> Iterator[SpeakerStore]:
    """Ann is enrolled, and Bob is not."""
    with SpeakerStore(tmp_path_factory.mktemp("store") / "speakers.db") as opened:
        model.enroll(opened, "Ann", [clip("ann", seed=seed) for seed in range(3)])
        yield opened


def followed(following: Following, sound: Samples, *, size: int = 320) -> list[Moment]:
    parts = (sound[start : start + size] for start in range(0, len(sound), size))
    return [*(moment for part in parts for moment in following.push(part)), *following.finish()]


def test_the_name_comes_while_somebody_speaks_and_again_when_they_have_spoken(
    model: SpeakerModel, store: SpeakerStore
) -> None:
    moments = followed(Following(model, store), TALK)
    # A pause is a second without speech, and so is what an utterance has before it.
    assert [(one.start_s, one.end_s, one.is_last) for one in moments] == [
        *((0.5, end, False) for end in (1.5, 2.0, 2.5, 3.0, 3.5)),
        (0.5, 3.5, True),
        *((4.0, end, False) for end in (5.0, 5.5)),
        (4.0, 5.5, True),
    ]
    assert [one.found.name for one in moments] == ["Ann"] * 6 + [None] * 3
    assert moments[-1].found.decision == "nobody known"
    grown = [one.found.speech_s for one in moments[:5]]
    assert grown == sorted(grown)
    assert grown[0] < grown[-1]


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 20_000), max_size=12))
def test_the_answer_does_not_depend_on_how_samples_come(
    model: SpeakerModel, store: SpeakerStore, cuts: list[int]
) -> None:
    following = Following(model, store)
    moments: list[Moment] = []
    for part in np.split(TALK, np.minimum(np.cumsum(cuts), len(TALK))):
        moments += following.push(part)
    assert [*moments, *following.finish()] == followed(Following(model, store), TALK)
    assert following.seconds == len(TALK) / RATE_HZ


def test_the_last_word_is_what_the_clip_itself_would_get(
    model: SpeakerModel, store: SpeakerStore
) -> None:
    last = followed(Following(model, store), TALK)[5]
    clip_of_it = TALK[round(last.start_s * RATE_HZ) : round(last.end_s * RATE_HZ)]
    found = model.identify(store, clip_of_it)
    assert (last.found.decision, last.found.name) == (found.decision, found.name)
    assert last.found.candidates[0].llr == pytest.approx(found.candidates[0].llr, abs=1e-4)


def test_who_speaks_on_and_on_is_asked_for_anew(model: SpeakerModel, store: SpeakerStore) -> None:
    following = Following(model, store, longest_s=3.0, every_s=1.0)
    moments = followed(following, clip("ann", seconds=10.0))
    lengths = [one.end_s - one.start_s for one in moments if one.is_last]
    assert max(lengths) <= 3.0
    assert len(lengths) >= 3
    assert len(following._said) <= 3.0 * RATE_HZ


def test_silence_is_not_told_of(model: SpeakerModel, store: SpeakerStore) -> None:
    assert followed(Following(model, store), np.zeros(5 * RATE_HZ, np.float32)) == []
    assert followed(Following(model, store), TALK[:0]) == []


def test_a_moment_is_one_json_object(model: SpeakerModel, store: SpeakerStore) -> None:
    moment = followed(Following(model, store), TALK)[-1]
    found = moment.to_json()
    assert set(found) == {
        "start_s", "end_s", "is_last", "decision", "name", "reason", "llr", "probability",
        "speech_s", "snr_db", "candidates",
    }  # fmt: skip
    assert found["llr"] == moment.found.candidates[0].llr


def test_nobody_enrolled_is_nobody_known(model: SpeakerModel, tmp_path: Path) -> None:
    with SpeakerStore(tmp_path / "empty.db") as empty:
        moments = followed(Following(model, empty), TALK)
    assert {one.found.reason for one in moments} == {"nobody is enrolled"}
    assert moments[0].to_json()["llr"] is None


def test_a_store_of_another_model_is_refused_before_anybody_speaks(
    model: SpeakerModel, tmp_path: Path
) -> None:
    with SpeakerStore(tmp_path / "other.db") as other:
        other.enroll("Ada", voices.voice(1), model_digest=voices.MODEL)
        with pytest.raises(StoreError, match="was made with the model aaaa"):
            Following(model, other)


def test_samples_that_are_no_numbers_are_refused(model: SpeakerModel, store: SpeakerStore) -> None:
    following = Following(model, store)
    with pytest.raises(AudioError, match="not numbers"):
        following.push(np.full(RATE_HZ, np.nan, np.float32))


def test_a_bundle_that_streams_says_the_same_as_one_that_does_not(
    talking_bundle: Path, tmp_path: Path
) -> None:
    model = SpeakerModel.load(talking_bundle, threads=1)
    with SpeakerStore(tmp_path / "speakers.db") as store:
        model.enroll(store, "Ann", [ANN])
        hop_by_hop = followed(Following(model, store), TALK)
        for moment in hop_by_hop[:6]:
            part = TALK[round(moment.start_s * RATE_HZ) : round(moment.end_s * RATE_HZ)]
            wanted = model.identify(store, part).candidates[0].cosine
            assert moment.found.candidates[0].cosine == pytest.approx(wanted, abs=1e-3)
