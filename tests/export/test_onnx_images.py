"""Convolutions by channel go over images one row high: the same answers, and nothing else is touched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference

from sonant.export import onnx_images
from sonant.export.onnx_images import hasten, with_images

CHANNELS, FRAMES = 4, 20


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def graph(*nodes: NodeProto, weights: dict[str, NDArray[np.float32]]) -> ModelProto:
    """Nodes from x [batch, channels, frames] to y, with a free batch and free frames."""
    end = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", CHANNELS, "frames"])
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph(list(nodes), "small", [end], [answer], constants)
    opset = helper.make_opsetid("", 20)
    return shape_inference.infer_shapes(
        helper.make_model(made, opset_imports=[opset], ir_version=10)
    )


def one(*weights: NDArray[np.float32], **settings: object) -> ModelProto:
    """One convolution."""
    names = {f"value{number}": array for number, array in enumerate(weights)}
    return graph(helper.make_node("Conv", ["x", *names], ["y"], **settings), weights=names)


def answer(model: ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"x": x})
    return y


def kinds(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


REWRITTEN = {
    "plain": one(noise(4, 1, 3), group=4),
    "with a bias": one(noise(4, 1, 3), noise(4), group=4, kernel_shape=[3]),
    "with gaps": one(noise(4, 1, 3), group=4, dilations=[4]),
    "with a stride": one(noise(4, 1, 5), group=4, strides=[3], kernel_shape=[5]),
    "padded on one side more": one(noise(4, 1, 3), group=4, pads=[3, 1], strides=[2]),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_convolution_by_channel_answers_as_before_from_an_image(name: str) -> None:
    model = REWRITTEN[name]
    after = with_images(model)
    onnx.checker.check_model(after, full_check=True)
    assert kinds(after) == {"Unsqueeze": 1, "Conv": 1, "Squeeze": 1}
    for batch, frames in ((1, FRAMES), (3, 2 * FRAMES)):
        x = noise(batch, CHANNELS, frames)
        np.testing.assert_allclose(answer(after, x), answer(model, x), atol=1e-6)


LEFT = {
    "channels that meet": one(noise(5, 4, 3)),
    "a group of several": one(noise(6, 2, 3), group=2),
    "two of each channel": one(noise(8, 1, 3), group=4),
    "an activation": graph(helper.make_node("Relu", ["x"], ["y"]), weights={}),
}


@pytest.mark.parametrize("name", LEFT)
def test_any_other_node_stays_as_it_is(name: str) -> None:
    assert with_images(LEFT[name]) is LEFT[name]


def test_weights_that_others_read_too_are_kept_and_those_that_nobody_reads_go() -> None:
    by_channel = helper.make_node("Conv", ["x", "w"], ["z"], group=CHANNELS)
    other = helper.make_node("ReduceSum", ["w"], ["sum"], keepdims=0)
    total = helper.make_node("Add", ["z", "sum"], ["y"])
    weights = {"w": noise(CHANNELS, 1, 3)}
    shared = with_images(graph(by_channel, other, total, weights=weights))
    assert {tensor.name for tensor in shared.graph.initializer} == {"w", "z.kernel", "image.row"}
    x = noise(2, CHANNELS, FRAMES)
    before = graph(by_channel, other, total, weights=weights)
    np.testing.assert_allclose(answer(shared, x), answer(before, x), atol=1e-6)
    alone = with_images(REWRITTEN["plain"])
    assert {tensor.name for tensor in alone.graph.initializer} == {"y.kernel", "image.row"}


def test_what_the_exporter_says_of_a_node_stays_with_it() -> None:
    model = ModelProto()
    model.CopyFrom(REWRITTEN["plain"])
    model.graph.node[0].metadata_props.add(key="name_scopes", value="['stream.layers.3']")
    (conv,) = (node for node in with_images(model).graph.node if node.op_type == "Conv")
    assert conv.metadata_props[0].value == "['stream.layers.3']"


def test_a_file_is_rewritten_where_its_answers_stay_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "graph.onnx", {"x": noise(2, CHANNELS, FRAMES)}
    onnx.save(REWRITTEN["with a bias"], path)
    before = path.read_bytes()
    right = onnx_images._kernel

    def wrong(node: NodeProto, weights: TensorProto) -> TensorProto:
        kernel = right(node, weights)
        return numpy_helper.from_array(1.01 * numpy_helper.to_array(kernel), kernel.name)

    with monkeypatch.context() as patch:
        patch.setattr(onnx_images, "_kernel", wrong)
        assert not hasten(path, given)
    assert path.read_bytes() == before
    assert hasten(path, given)
    assert kinds(onnx.load(path))["Unsqueeze"] == 1
    assert not hasten(path, given)
