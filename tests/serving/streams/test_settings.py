"""What `detect` may change, and what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.runtime.decision import Decision
from sonant.serving.status import Refusal
from sonant.serving.streams.settings import UNSAID, settings_of, to_json

BASE = Decision(threshold=0.6, thresholds=(("no", 0.7),), smoothing_ms=100, refractory_ms=500)
LABELS = ("yes", "no", "_silence_")


def test_what_is_not_said_is_the_bundles() -> None:
    assert UNSAID.decision(BASE, LABELS) == BASE
    assert settings_of({"names": ["x"], "context": {"a": 1}}).decision(BASE, LABELS) == BASE


def test_one_threshold_stands_for_all_and_labels_may_have_their_own() -> None:
    assert settings_of({"threshold": 0.9}).decision(BASE, LABELS).thresholds == ()
    own = settings_of({"thresholds": {"yes": 0.2}}).decision(BASE, LABELS)
    assert (own.threshold_of("yes"), own.threshold_of("no"), own.threshold) == (0.2, 0.7, 0.6)
    both = settings_of({"threshold": 0.9, "thresholds": {"yes": 0.2}}).decision(BASE, LABELS)
    assert (both.threshold_of("yes"), both.threshold_of("no")) == (0.2, 0.9)


def test_the_words_of_other_wake_word_servers_are_known() -> None:
    found = settings_of({"trigger_level": 3, "refractory_seconds": 2}).decision(BASE, LABELS)
    assert (found.patience, found.refractory_ms) == (3, 2000)


@pytest.mark.parametrize(
    ("said", "hz"), [(None, 0), (False, 0), (True, 10), (0, 0), (2.5, 2.5), (1e6, 50)]
)
def test_scores_come_so_often(said: object, hz: float) -> None:
    assert settings_of({"partials": said}).partials_hz == hz


def test_lengths_are_told_in_frames_as_well() -> None:
    told = to_json(BASE, UNSAID, hop_s=0.02)
    assert (told["smoothing_frames"], told["refractory_frames"]) == (5, 25)
    assert (told["threshold"], told["thresholds"]) == (0.6, {"no": 0.7})


@given(
    data=st.dictionaries(
        st.sampled_from(
            ["threshold", "thresholds", "release", "patience", "smoothing_ms", "partials", "voice"]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers())
        | st.dictionaries(st.sampled_from(LABELS), st.floats()),
    )
)
def test_anything_else_is_refused(data: dict[str, object]) -> None:
    try:
        found = settings_of(data).decision(BASE, LABELS)
    except Refusal:
        return
    assert 0 < found.threshold <= 1
    assert found.patience >= 1
