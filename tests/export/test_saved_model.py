"""A SavedModel has plain operators, a free batch, and answers as the model does in a fresh process."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from small_streams import CLIP, CLIP_S, RATE_HZ, classifier, sound
from sonant.export.saved_model import export_stream, export_whole
from sonant.export.saved_model_running import difference, run_apart
from sonant.export.translate_step import step_graph, whole_graph

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("saved")
    model = classifier()
    return SimpleNamespace(
        model=model,
        whole=folder / "whole",
        stream=folder / "stream",
        of_whole=export_whole(model, folder / "whole", samples=CLIP),
        of_stream=export_stream(model.stream, folder / "stream"),
    )


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_clips_goes_through(exported: SimpleNamespace, count: int) -> None:
    graph = whole_graph(exported.model, shape=(CLIP,))
    assert difference(graph, exported.whole, [sound(count, CLIP_S, seed=count)]) < 1e-5


def test_pcm_is_decoded_inside(exported: SimpleNamespace) -> None:
    pcm = (sound(2, 0.75 * CLIP_S) * 32767).astype("<i2")
    given = run_apart(exported.whole, {"pcm": pcm}, signature="pcm")["probabilities"]
    samples = np.pad(pcm.astype(np.float32) / 32768, ((0, 0), (0, CLIP // 4)))
    with torch.no_grad():
        wanted = torch.softmax(exported.model(torch.from_numpy(samples)), 1).numpy()
    np.testing.assert_allclose(given, wanted, atol=1e-5)


def test_a_step_gives_and_takes_its_states(exported: SimpleNamespace) -> None:
    graph = step_graph(exported.model.stream, shape=())
    draw = np.random.default_rng(0)
    states = [draw.standard_normal((2, *state.shape)).astype(np.float32) for state in graph.states]
    assert difference(graph, exported.stream, [sound(2, 64 / RATE_HZ), *states]) < 1e-4
    assert exported.of_stream.states == graph.states


def test_operators_are_plain(exported: SimpleNamespace) -> None:
    assert exported.of_whole.signatures == ("pcm", "serving_default")
    assert exported.of_stream.signatures == ("serving_default",)
    for name in (*exported.of_whole.operators, *exported.of_stream.operators):
        assert "Xla" not in name
        assert "Py" not in name


def test_states_inside_are_variables_with_a_signature_that_clears_them(tmp_path: Path) -> None:
    stream = classifier().stream
    written = export_stream(stream, tmp_path / "inside", states="inside")
    assert written.signatures == ("reset", "serving_default")
    assert {"ReadVariableOp", "AssignVariableOp"} <= set(written.operators)
    assert written.states == step_graph(stream, shape=()).states
