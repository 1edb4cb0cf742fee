"""Fine-tuning begins where a bundle ended, keeps what it knows, and goes by the names of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonant import runs
from sonant.bundle import build_classifier, load_classifier
from sonant.card import Card
from sonant.errors import RecipeError
from sonant.manifest import Manifest
from sonant.training.transfer import inherit, tuned, vocabulary
from words import SMALL, spoken_words

FEW = ("fit.epochs=1",)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def bundle(words: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parent")
    outcome = runs.train(SMALL, words, out=out / "run", overrides=FEW, rehearsal=False)
    assert outcome is not None
    return outcome.bundle


def test_a_fine_tuning_is_slower_and_shorter_unless_told(bundle: Path) -> None:
    first, again = tuned(bundle), tuned(bundle, ["fit.epochs=30"])
    parent = Card.read(bundle).recipe["fit"]
    assert first.fit.learning_rate == pytest.approx(0.1 * parent["learning_rate"])
    assert (first.fit.epochs, again.fit.epochs) == (1, 30)
    assert Path(first.parent) == bundle.resolve()


def test_it_begins_with_every_weight_of_the_bundle(bundle: Path) -> None:
    recipe, labels = tuned(bundle), Card.read(bundle).labels
    model = build_classifier(recipe, labels)
    assert inherit(model, recipe, labels) == 0
    for name, tensor in load_classifier(bundle).state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor)


def test_rows_of_the_last_layer_go_by_the_name_of_their_label(bundle: Path) -> None:
    recipe, labels = tuned(bundle), ("fresh", "noise", "high")
    model = build_classifier(recipe, labels).eval()
    assert inherit(model, recipe, labels) == 1
    clips = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (4, recipe.data.samples)))
    old, known = load_classifier(bundle)(clips.float()), Card.read(bundle).labels
    new = model(clips.float())
    for label in ("noise", "high"):
        torch.testing.assert_close(
            new[:, labels.index(label)], old[:, known.index(label)], rtol=1e-4, atol=1e-5
        )


def test_recordings_of_some_labels_do_not_make_it_forget_the_others(bundle: Path) -> None:
    known = Card.read(bundle).labels
    assert vocabulary(tuned(bundle), ("high",)) == known
    assert vocabulary(tuned(bundle), ("high", "mine")) == ("high", "mine")


@pytest.mark.parametrize(
    ("override", "part"),
    [("front_end.hop_length=48", "front_end"), ("data.duration_s=0.5", "data")],
)
def test_another_front_end_is_refused(bundle: Path, override: str, part: str) -> None:
    recipe, labels = tuned(bundle, [override]), Card.read(bundle).labels
    with pytest.raises(RecipeError, match=part):
        inherit(build_classifier(recipe, labels), recipe, labels)


def test_a_whole_fine_tuning_names_its_parent_and_keeps_the_labels(
    bundle: Path, words: Manifest, tmp_path: Path
) -> None:
    own = words.where(labels=["high", "low"])
    outcome = runs.train(None, own, parent=bundle, out=tmp_path / "run", rehearsal=False)
    assert outcome is not None
    card, parent = Card.read(outcome.bundle), Card.read(bundle)
    assert card.labels == parent.labels
    assert card.provenance.parent == f"{parent.name}/{parent.version}"


def test_a_recipe_beside_a_bundle_is_refused(bundle: Path, words: Manifest) -> None:
    with pytest.raises(RecipeError, match="one or the other"):
        runs.train("commands-small", words, parent=bundle)
