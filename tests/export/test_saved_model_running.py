"""A SavedModel is run in a fresh process: once, or step after step, and held to the model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from small_streams import CLIP, CLIP_S, classifier, sound
from sonant.errors import ExportError
from sonant.export.saved_model import States, export_stream, export_whole
from sonant.export.saved_model_running import difference, hear_apart, run_apart
from sonant.export.tflite_running import whole_signal
from sonant.export.translate_step import whole_graph

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow")
HOP = 64


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("saved")
    model = classifier()
    export_whole(model, folder / "whole", samples=CLIP)
    for states in ("outside", "inside"):
        export_stream(model.stream, folder / states, states=states)
    return SimpleNamespace(model=model, folder=folder)


@pytest.mark.parametrize("states", ["outside", "inside"])
def test_every_stream_is_heard_from_silence_as_the_whole_signal(
    exported: SimpleNamespace, states: States
) -> None:
    # More than a number of hops: what is left over is not heard.
    long, clips = sound(1, 4.01, seed=9), sound(3, CLIP_S, seed=5)
    answers = hear_apart(exported.folder / states, [long, clips])
    for streams, given in zip((long, clips), answers, strict=True):
        assert given.shape == (len(streams), 3, streams.shape[1] // HOP)
        for stream, answer in zip(streams, given, strict=True):
            wanted = whole_signal(exported.model.stream, stream)
            np.testing.assert_allclose(answer.T, wanted, atol=1e-5)


def test_a_folder_of_another_model_is_refused(exported: SimpleNamespace) -> None:
    other = classifier()
    with torch.no_grad():
        other.network.layers[6].module.bias.add_(torch.tensor([3.0, 0.0, 0.0]))  # type: ignore[union-attr, operator, index]
    graph = whole_graph(other, shape=(CLIP,))
    with pytest.raises(ExportError, match="differs from the model by"):
        difference(graph, exported.folder / "whole", [sound(2, CLIP_S)])


def test_what_does_not_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not run"):
        run_apart(tmp_path, {"samples": sound(1, 0.1)})
