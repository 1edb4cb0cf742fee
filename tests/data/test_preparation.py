"""What a recipe says of its data, applied to a manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.data import sources
from sonant.data.preparation import DataConfig, TwelveConfig, only
from sonant.errors import ManifestError, RecipeError
from sonant.manifest import Item, Manifest


def manifest(*labels: str, each: int = 20) -> Manifest:
    items = tuple(
        Item(path=Path(f"/clips/{label}/{number}.wav"), label=label, speaker=f"s{number}")
        for label in labels
        for number in range(each)
    )
    return Manifest(items=items, name="words")


def test_the_window_follows_from_rate_and_duration() -> None:
    assert DataConfig(rate_hz=22_050, duration_s=0.8).samples == 17_640


@pytest.mark.parametrize("settings", [{"rate_hz": 0}, {"duration_s": 0.0}])
def test_nonsense_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(settings))):
        DataConfig(**settings)  # type: ignore[arg-type]


def test_it_is_read_back_from_a_bundle_without_the_rest_of_the_recipe() -> None:
    config = DataConfig.from_dict({"rate_hz": 8000, "pad": "edge", "words": {"wanted": ["yes"]}})
    assert (config.rate_hz, config.pad, config.words.wanted) == (8000, "edge", ("yes",))


def test_labels_are_kept_and_every_clip_gets_a_split() -> None:
    prepared = DataConfig(labels=("no", "yes")).prepare(manifest("yes", "no", "go"), seed=0)
    assert prepared.labels == ("no", "yes")
    assert {item.split for item in prepared} == {"train", "validation", "test"}


def test_only_names_what_is_not_there() -> None:
    with pytest.raises(ManifestError, match="no clip labelled stop; its labels are go, yes"):
        only(manifest("yes", "go"), ["yes", "stop"])


def test_wanted_words_bring_unknown_and_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hum.wav", np.random.default_rng(0).normal(0, 0.1, 160_000), 16_000)
    words = TwelveConfig(wanted=("yes", "no"), noise=str(tmp_path), zero_share=0.5)
    prepared = DataConfig(words=words).prepare(manifest("yes", "no", "go", "cat", each=50), seed=0)
    assert prepared.labels == ("_silence_", "_unknown_", "no", "yes")
    silent = [item for item in prepared if item.label == "_silence_"]
    assert {item.path.name for item in silent} == {"hum.wav"}
    zeros = sum(item.gain == 0.0 for item in silent)
    assert 0 < zeros < len(silent), "never zeros alone"


def test_plain_splits_whatever_labels_there_are() -> None:
    config = DataConfig(labels=("yes",), words=TwelveConfig(wanted=("yes",)), shares=(70, 15, 15))
    assert config.plain() == replace(DataConfig(), shares=(70, 15, 15))


def test_a_corpus_that_was_not_fetched_says_how_to_fetch_it() -> None:
    with pytest.raises(ManifestError, match="sonant data fetch mini_speech_commands"):
        sources.load("mini_speech_commands")


def test_a_manifest_is_taken_as_it_is() -> None:
    given = manifest("yes")
    assert sources.load(given) is given
