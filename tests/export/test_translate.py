"""What is exported knows its ends, its layers and its states; the module is left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from small_streams import BINS, CLIP, classifier, network
from sonant.errors import ExportError
from sonant.export.tflite_ranges import calibrated
from sonant.export.translate_graph import flat, inside, layer_of
from sonant.export.translate_step import step_graph, whole_graph
from sonant.nn.streaming import Chain, Delay, named_leaves


def test_a_step_has_a_state_for_every_leaf_that_holds_anything() -> None:
    stream = classifier().stream
    leaves = named_leaves(stream.initial_state(torch.zeros(1, 1, 64)))
    model = step_graph(stream, shape=())
    assert [state.name for state in model.states] == [
        n for n, leaf in leaves.items() if leaf.numel()
    ]
    assert model.inputs[0] == "samples"
    assert model.outputs == ("probabilities", *(f"{name}.next" for name in model.inputs[1:]))
    assert (model.shape, model.hop) == ((64,), 64)


def test_features_may_be_what_is_heard() -> None:
    model = step_graph(network(), shape=(BINS,), frames=4)
    assert (model.input, model.shape) == ("features", (BINS, 4))


def test_a_whole_clip_has_no_states() -> None:
    model = whole_graph(classifier(), shape=(CLIP,))
    assert (model.inputs, model.outputs) == (("samples",), ("probabilities",))


def test_the_module_is_left_as_it_was() -> None:
    stream = classifier().stream
    step_graph(stream, shape=())
    assert all("step" not in vars(layer) for layer in stream.modules())


def test_every_node_knows_its_layer() -> None:
    model = step_graph(classifier().stream, shape=())
    places = [layer_of(node) for node in model.graph.nodes.nodes if node.op == "call_function"]
    assert any(place.startswith("stream.layers.0") for place in places)
    assert "stream.layers.1.layers.3.body.layers.0.conv (Conv1d)" in places
    assert any(inside(node, ["stream.layers.0"]) for node in model.graph.nodes.nodes)
    assert not any(inside(node, ["stream.layers"[:-1]]) for node in model.graph.nodes.nodes)


def test_what_decides_by_values_is_no_graph() -> None:
    class Deciding(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum().item() > 0 else -x

    with pytest.raises(ExportError, match="cannot be made a graph") as raised:
        flat(Deciding(), [torch.zeros(2, 3)])
    assert len(str(raised.value).splitlines()) == 1


def test_both_ends_of_a_state_share_one_range() -> None:
    model = step_graph(Chain(Delay([BINS], 3)), shape=(BINS,))
    heard = [torch.full((2, BINS, 1), float(value)) for value in (-1, 2, 5, -3)]
    ranges = calibrated(model, heard)
    # The last value never left the delay, and counts all the same: it would with the next steps.
    names = [node.name for node in model.graph.inputs]
    assert {ranges.groups[name] for name in names} == {(-3.0, 5.0)}


def test_ranges_hold_zero_and_are_never_empty() -> None:
    model = step_graph(Chain(Delay([BINS], 1)), shape=(BINS,))
    ((low, high),) = set(calibrated(model, [torch.zeros(1, BINS, 1)]).groups.values()) - {
        (0.0, 255 / 256)
    }
    assert low == 0.0
    assert high > 0.0


def test_layers_that_stay_float_have_no_ranges_before_their_end() -> None:
    model = step_graph(classifier().stream, shape=())
    heard = [0.1 * torch.ones(1, 64)]
    ranges = calibrated(model, heard, float_layers=["stream.layers.0"])
    samples, first, *others = (node.name for node in model.graph.inputs)
    assert samples not in ranges.groups
    assert first not in ranges.groups
    assert set(others) <= set(ranges.groups)
