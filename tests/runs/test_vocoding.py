"""A vocoder from recordings to bundle: trained, judged on voices never heard, its graph proved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sonant import runs
from sonant.bundle import load_vocoder
from sonant.card import Card
from sonant.errors import RecipeError, TrainingError
from sonant.events import Event, Note
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.training.vocoding import fit_vocoder
from tone_speech import SMALL_VOCODER, tone_speech


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="module")
def heard() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def outcome(
    speech: Manifest, heard: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> runs.Outcome:
    out = tmp_path_factory.mktemp("runs") / "run"
    found = runs.train(SMALL_VOCODER, speech, out=out, on_event=heard.append)
    assert found is not None
    return found


def test_a_run_leaves_bundle_report_and_figures(outcome: runs.Outcome, heard: list[Event]) -> None:
    assert {"validation_loss", "test_mel", "test_spectral", "test_level"} <= outcome.metrics.keys()
    assert outcome.report is not None
    page = outcome.report.read_text()
    assert page.count("<audio") == 4, "two recordings of the test, real and made"
    notes = [event.text for event in heard if isinstance(event, Note)]
    assert any(text.startswith("rehearsal:") for text in notes)
    assert any("judged by 2 recordings" in text for text in notes)
    assert (outcome.folder / "curves.png").exists()


def test_the_bundle_says_what_it_is_and_sounds_as_the_model_does(outcome: runs.Outcome) -> None:
    card = Card.read(outcome.bundle)
    assert (card.task, card.labels, set(card.graphs)) == (
        "vocoding",
        (),
        {"vocoder", "vocoder_stream"},
    )
    graph = card.graphs["vocoder"]
    assert (graph.input, graph.output) == ("mel", "samples")
    assert graph.max_difference <= 1e-4
    golden = np.load(outcome.bundle / "golden.npz")
    session = onnxruntime.InferenceSession(card.file(graph.file))
    (made,) = session.run(["samples"], {"mel": golden["mel"]})
    np.testing.assert_allclose(made, golden["samples"], atol=1e-4)
    with torch.no_grad():
        eager = load_vocoder(outcome.bundle).sound(torch.from_numpy(golden["mel"]))
    np.testing.assert_allclose(eager.numpy(), golden["samples"], atol=1e-6)


def test_a_finished_run_that_is_resumed_keeps_its_bundle(
    outcome: runs.Outcome, speech: Manifest
) -> None:
    again = runs.train(SMALL_VOCODER, speech, out=outcome.folder, resume=True)
    assert again is not None
    assert again.bundle == outcome.bundle


def test_many_processes_are_refused(
    speech: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sonant.training import vocoding
    from sonant.training.distributed import World

    class Many:
        def __enter__(self) -> World:
            return World(rank=0, size=2, device=torch.device("cpu"))

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(vocoding, "joined", lambda device: Many())
    with pytest.raises(TrainingError, match="trained by one process, and torchrun started 2"):
        fit_vocoder(Recipe.load(SMALL_VOCODER), speech, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fit.monitor=accuracy", "nothing that vocoding are validated by"),
        ("augment.mixup_alpha=0.2", "augment.mixup_alpha: is not for vocoding"),
        ("front_end.name=log_mel", "front_end: is for task = 'keywords'"),
    ],
)
def test_what_is_not_for_vocoders_is_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.load(SMALL_VOCODER, [override])
