"""Bundles that are attacked: voices of three tones, three words, and a graph that no model stands behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attackable import LOUD, Attacked
from sonant import attacking, training
from sonant.attacking import Done, Wanted
from sonant.attacking.planning import Asked
from sonant.events import OnEvent, silent
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from tone_speakers import SPEAKERS_RECIPE, tone_speakers
from voice_bundle import write_voices
from words import SMALL, spoken_words


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="session")
def speakers(voices: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker bundle that tells tones apart."""
    recipe = Recipe.load(SPEAKERS_RECIPE, ["speaker.loss.name=aam", "fit.epochs=6"])
    fitted = training.fit(
        recipe, voices, out=tmp_path_factory.mktemp("speakers") / "run", rehearsal=False
    )
    assert fitted.bundle is not None
    return fitted.bundle


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="session")
def recogniser(words: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyword bundle for them."""
    fitted = training.fit(
        Recipe.load(SMALL), words, out=tmp_path_factory.mktemp("words") / "run", rehearsal=False
    )
    assert fitted.bundle is not None
    return fitted.bundle


@pytest.fixture(scope="session")
def graph_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker bundle as fused ones are: a graph, and no model to rebuild."""
    return write_voices(tmp_path_factory.mktemp("fused"))


@pytest.fixture
def attacked(speakers: Path, voices: Manifest, tmp_path: Path) -> Attacked:
    """Attack the speaker bundle, unless told otherwise, into a folder of the test."""

    def run(
        *,
        bundle: Path = speakers,
        out: Path = tmp_path / "out",
        on_event: OnEvent = silent,
        asked: dict[str, Any] | None = None,
        **wanted: Any,
    ) -> Done:
        said: dict[str, Any] = {"data": voices, "count": 4, **(asked or {})}
        settings: dict[str, Any] = {"bound": LOUD, "device": "cpu", **wanted}
        return attacking.attack(
            bundle, Wanted(asked=Asked(**said), **settings), out=out, on_event=on_event
        )

    return run
