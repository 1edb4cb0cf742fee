"""What is offered, and what a name means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from serving.streams.rooms import service, with_decision
from sonant.serving.status import Code, Refusal
from sonant.serving.streams import offers


@pytest.fixture(scope="module")
def tuned(stream_bundle: Path) -> Path:
    return with_decision(stream_bundle)


@pytest.fixture
def models(tuned: Path) -> Iterator[Any]:
    with service(tuned, tuned, None) as room:
        yield room.catalog


def meant(models: Any, *names: str) -> dict[str, dict[str, str]]:
    """Model -> keyword -> what its detections are called."""
    with ExitStack() as stack:
        return {
            choice.running.name: dict(choice.called)
            for choice in offers.choose(models, names, stack)
        }


ALL = {"high": "tones", "low": "tones", "mid": "tones"}
OWN = {"high": "tones/high", "low": "tones/low", "mid": "tones/mid"}
OWN1 = {"high": "tones1/high", "low": "tones1/low", "mid": "tones1/mid"}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], {"tones": OWN, "tones1": OWN1}),
        (["tones"], {"tones": ALL}),
        (["tones/low", "tones/mid"], {"tones": {"low": "tones/low", "mid": "tones/mid"}}),
        (["tones/low", "tones"], {"tones": {**ALL, "low": "tones/low"}}),
        (["tones1/high", "nobody"], {"tones1": {"high": "tones1/high"}}),
        (["nobody", "tones/nothing", "tones2", "tones/_silence_", ""], {"tones": OWN}),
    ],
)
def test_a_name_is_a_model_or_one_of_its_keywords(
    models: Any, names: list[str], wanted: dict[str, dict[str, str]]
) -> None:
    assert meant(models, *names) == wanted


def test_only_what_listens_is_held(models: Any) -> None:
    with ExitStack() as stack:
        offers.choose(models, ["tones1"], stack)
        assert [one.in_hand for one in models.models.values()] == [0, 1, 0]
        offers.wake(models)
        assert [one.in_hand for one in models.models.values()] == [0, 1, 0]
    assert [one.in_hand for one in models.models.values()] == [0, 0, 0]


def test_models_that_do_not_answer_yet_are_not_offered(models: Any) -> None:
    models.models["ghost"] = None
    (program,) = offers.wake(models)
    assert [entry["name"] for entry in program["models"]][::4] == ["tones", "tones1"]


def test_where_nothing_streams_there_is_nothing_to_choose() -> None:
    with service(None) as room, ExitStack() as stack:
        with pytest.raises(Refusal, match="no model that hears streams") as refused:
            offers.choose(room.catalog, ["tones"], stack)
        assert refused.value.code is Code.UNAVAILABLE
