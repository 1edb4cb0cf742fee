"""A .tflite file answers as the model does, keeps its states outside or inside, and never drifts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from small_streams import CLIP, CLIP_S, RATE_HZ, classifier, sound
from sonant.errors import ExportError
from sonant.export.tflite import export_stream, export_whole
from sonant.export.tflite_running import (
    TfliteRunner,
    stream_difference,
    stream_gap,
    whole_difference,
    whole_gap,
)

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]
FRONT_END = ("stream.layers.0",)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The same model in every form, and what was said of each."""
    folder = tmp_path_factory.mktemp("tflite")
    model = classifier()
    heard = torch.from_numpy(sound(4, 4.0))
    clips = [torch.from_numpy(sound(16, CLIP_S, seed=3))]
    made = SimpleNamespace(model=model, folder=folder, written={})
    for states in ("outside", "inside"):
        for name, calibration in (("float", None), ("int8", heard)):
            made.written[f"{name}-{states}"] = export_stream(
                model.stream, folder / f"{name}-{states}.tflite", states=states,
                calibration=calibration, float_layers=FRONT_END,
            )  # fmt: skip
    for name, calibration in (("float", []), ("int8", clips)):
        made.written[f"{name}-whole"] = export_whole(
            model, folder / f"{name}-whole.tflite", shape=(CLIP,), calibration=calibration
        )
    return made


@pytest.mark.parametrize("states", ["outside", "inside"])
def test_a_stream_is_the_whole_signal(files: SimpleNamespace, states: str) -> None:
    path = files.folder / f"float-{states}.tflite"
    assert stream_difference(files.model.stream, path, sound(1, 5.0, seed=9)[0]) < 1e-5


def test_a_whole_clip_is_the_model(files: SimpleNamespace) -> None:
    path = files.folder / "float-whole.tflite"
    assert whole_difference(files.model, path, sound(3, CLIP_S, seed=5)) < 1e-5


def test_eight_bits_are_near(files: SimpleNamespace) -> None:
    gap = stream_gap(
        files.model.stream, files.folder / "int8-outside.tflite", sound(1, 10.0, seed=9)[0]
    )
    assert gap.clear_agreement > 0.95
    assert gap.mean_difference < 0.03
    whole = whole_gap(files.model, files.folder / "int8-whole.tflite", sound(16, CLIP_S, seed=5))
    assert whole.clear_agreement > 0.9


def test_a_state_leaves_a_step_as_it_enters_the_next(files: SimpleNamespace) -> None:
    states = files.written["int8-outside"].states
    assert [state.int8 for state in states] == [False, *[True] * (len(states) - 1)]
    # Read back by the runtime itself: the runner refuses a file whose ends differ.
    runner = TfliteRunner(files.folder / "int8-outside.tflite")
    assert set(runner.states) == {state.name for state in states}


def test_eight_bit_states_do_not_drift(files: SimpleNamespace) -> None:
    """Ten minutes of one second over and over: with a period, states come back bit by bit."""
    runner = TfliteRunner(files.folder / "int8-outside.tflite")
    length = runner.shape[-1] * 60
    second = sound(1, 1.0, seed=4)[0][:length]
    answers = runner.answers(np.tile(second, 600 * RATE_HZ // length)).reshape(
        -1, len(second) // 64, 3
    )
    np.testing.assert_array_equal(answers[1], answers[-1])


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_states_inside_are_states_outside(files: SimpleNamespace, kind: str) -> None:
    heard = sound(1, 3.0, seed=6)[0]
    outside, inside = (
        TfliteRunner(files.folder / f"{kind}-{states}.tflite") for states in ("outside", "inside")
    )
    assert not inside.states
    np.testing.assert_array_equal(outside.answers(heard), inside.answers(heard))


def test_a_reset_stream_is_a_new_one(files: SimpleNamespace) -> None:
    runner = TfliteRunner(files.folder / "int8-inside.tflite")
    heard = sound(1, 1.0, seed=7)[0]
    first = runner.answers(heard)
    runner.answers(sound(1, 2.0, seed=8)[0])
    np.testing.assert_array_equal(runner.answers(heard), first)


def test_nothing_is_transposed_in_a_step(files: SimpleNamespace) -> None:
    for name in ("float-outside", "int8-outside", "int8-inside"):
        assert "TRANSPOSE" not in files.written[name].operators


def test_what_it_takes_is_told(files: SimpleNamespace) -> None:
    small, large = files.written["int8-outside"], files.written["float-outside"]
    assert 0 < small.arena_bytes < large.arena_bytes
    assert small.bytes == (files.folder / "int8-outside.tflite").stat().st_size
    assert {"VAR_HANDLE", "CALL_ONCE"} <= set(files.written["int8-inside"].operators)


def test_a_file_of_another_model_is_refused(files: SimpleNamespace) -> None:
    other = classifier()
    with torch.no_grad():
        other.network.layers[6].module.bias.add_(torch.tensor([3.0, 0.0, 0.0]))
    with pytest.raises(ExportError, match="differs from the model by"):
        stream_difference(other.stream, files.folder / "float-outside.tflite", sound(1, 1.0)[0])


def test_a_state_whose_ends_differ_is_refused(files: SimpleNamespace, tmp_path: Path) -> None:
    from sonant.export import tflite_flatbuffer as flatbuffer

    tables = flatbuffer.read((files.folder / "int8-outside.tflite").read_bytes())
    graph = tables.subgraphs[0]
    graph.tensors[graph.outputs[2]].quantization.scale = [0.5]
    path = tmp_path / "apart.tflite"
    path.write_bytes(flatbuffer.written(tables))
    with pytest.raises(ExportError, match="would drift"):
        TfliteRunner(path)
