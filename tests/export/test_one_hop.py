"""A step graph of one hop answers as before, from operators that suit one frame.

That every network, layer and front end there is stays as it was is among the laws, in
`laws/test_graph.py`; here stands what each rule does and does not touch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from small_streams import classifier, sound
from sonant.export import one_hop_rules
from sonant.export.one_hop import export_one_hop, rewritten
from sonant.export.step import StepRunner, export_step

HOP = 64
CLIPS = sound(3, 0.5)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, float]:
    """As the exporter wrote it, as the rules have it, and how far that is from the model."""
    folder = tmp_path_factory.mktemp("one-hop")
    stream, plain, fast = classifier().stream, folder / "plain.onnx", folder / "step.onnx"
    export_step(stream, plain, hops=1)
    worst = export_one_hop(stream, fast, CLIPS, plain=plain)
    assert worst is not None
    return plain, fast, worst


def operators(model: onnx.ModelProto | Path) -> Counter[str]:
    read = onnx.load(model) if isinstance(model, Path) else model
    return Counter(node.op_type for node in read.graph.node)


def test_a_network_of_every_kind_of_state_answers_as_before(
    graphs: tuple[Path, Path, float],
) -> None:
    plain, fast, worst = graphs
    assert worst < 1e-5
    long = sound(2, 4.0, seed=1)
    before, after = (StepRunner(path, hop=HOP).run(long, hops=(1,)) for path in (plain, fast))
    assert before.shape[2] > 200
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_its_ends_are_those_it_had_and_no_slow_operator_is_left(
    graphs: tuple[Path, Path, float],
) -> None:
    plain, fast, _ = graphs
    ends = [
        [(end.name, end.type) for end in (*read.graph.input, *read.graph.output)]
        for read in map(onnx.load, (plain, fast))
    ]
    assert ends[0] == ends[1]
    assert operators(plain)["Conv"] > 3
    assert not {"Conv", "AveragePool", "Pow"} & operators(fast).keys()
    assert fast.stat().st_size < 1.2 * plain.stat().st_size


def test_a_stream_may_change_between_the_two_at_any_step(
    graphs: tuple[Path, Path, float],
) -> None:
    runners = [StepRunner(path, hop=HOP) for path in graphs[:2]]
    long = sound(2, 1.024, seed=2)
    wanted = runners[0].run(long, hops=(1,))
    state = {end.name: np.zeros((2, *end.shape[1:]), np.float32) for end in runners[0].states}
    for number, answer in enumerate(np.split(wanted, wanted.shape[2], axis=2)):
        heard = {"samples": long[:, number * HOP :][:, :HOP], **state}
        given, *after = runners[number % 3 % 2].session.run(None, heard)
        np.testing.assert_allclose(given, answer, atol=1e-5)
        state = dict(zip(state, after, strict=True))


def test_batch_mates_never_change_an_answer(graphs: tuple[Path, Path, float]) -> None:
    runner = StepRunner(graphs[1], hop=HOP)
    own = sound(1, 1.024, seed=3)
    alone = runner.run(own, hops=(1,))
    for count in (2, 5, 33):
        quiet, loud = (
            runner.run(np.concatenate([own, level * sound(count - 1, 1.024)]), hops=(1,))[:1]
            for level in (0.0, 3.0)
        )
        np.testing.assert_array_equal(quiet, loud)
        np.testing.assert_allclose(quiet, alone, atol=1e-6)


def node(
    kind: str, before: Sequence[int], *values: NDArray[np.generic], **settings: object
) -> onnx.ModelProto:
    """One operator on x [batch, *before], its other inputs constant."""
    names = [f"value{number}" for number in range(len(values))]
    made = helper.make_node(kind, ["x", *names], ["y"], **settings)
    end = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *before])
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [
        numpy_helper.from_array(array, name) for name, array in zip(names, values, strict=True)
    ]
    graph = helper.make_graph([made], "one", [end], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return shape_inference.infer_shapes(model)


def answer(model: onnx.ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"x": x})
    return y


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


AXES = np.array([2], np.int64)
REPLACED = {
    "dense": (node("Conv", (4, 3), noise(5, 4, 3), noise(5)), {"Gemm", "Reshape", "Flatten"}),
    "dense, with gaps": (
        node("Conv", (4, 5), noise(5, 4, 3), dilations=[2]), {"Gemm", "Reshape", "Flatten"},
    ),
    "dense, with a stride and frames left over": (
        node("Conv", (4, 6), noise(5, 4, 3), strides=[4]), {"Gemm", "Reshape", "Flatten"},
    ),
    "dense, with wide gaps": (
        node("Conv", (4, 41), noise(5, 4, 3), dilations=[20]),
        {"Slice", "Gemm", "Reshape", "Flatten"},
    ),
    "by channel, with wide gaps": (
        node("Conv", (4, 2, 61), noise(4, 1, 1, 4), group=4, dilations=[1, 20]),
        {"Slice", "Mul", "ReduceSum"},
    ),
    "dense, two axes": (node("Conv", (4, 3, 2), noise(5, 4, 3, 2)), {"Gemm", "Reshape", "Flatten"}),
    "by channel": (node("Conv", (4, 3), noise(4, 1, 3), group=4), {"Mul", "ReduceSum", "Reshape"}),
    "by channel, with gaps and a bias": (
        node("Conv", (4, 5), noise(4, 1, 3), noise(4), group=4, dilations=[2]),
        {"Mul", "ReduceSum", "Add", "Reshape"},
    ),
    "by channel, one weight": (
        node("Conv", (4, 1), noise(4, 1, 1), noise(4), group=4),
        {"Flatten", "Mul", "Add", "Reshape"},
    ),
    "by channel, over time and not over bins": (
        node("Conv", (4, 6, 3), noise(4, 1, 1, 3), noise(4), group=4), {"Mul", "ReduceSum", "Add"},
    ),
    "by channel, two axes": (
        node("Conv", (4, 6, 3), noise(4, 1, 6, 3), group=4), {"Mul", "ReduceSum", "Reshape"},
    ),
    "windows of a signal": (
        node("Conv", (1, 20), noise(6, 1, 8), strides=[4]),
        {"Flatten", "Slice", "Concat", "Reshape", "MatMul", "Transpose"},
    ),
    "a mean": (node("AveragePool", (4, 9), kernel_shape=[9]), {"ReduceMean", "Reshape"}),
    "a mean over time and not over bins": (
        node("AveragePool", (4, 6, 3), kernel_shape=[1, 3]), {"ReduceMean"},
    ),
    "a maximum": (node("MaxPool", (4, 9), kernel_shape=[9]), {"ReduceMax", "Reshape"}),
    "a mean of bins": (
        node("ReduceMean", (4, 6, 1), AXES, keepdims=0), {"ReduceMean", "Reshape"},
    ),
    "a mean of one": (node("ReduceMean", (4, 1, 1), AXES, keepdims=0), {"Reshape"}),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLACED)
def test_what_runs_badly_on_one_frame_is_replaced_and_answers_as_before(name: str) -> None:
    model, wanted = REPLACED[name]
    after = rewritten(model)
    onnx.checker.check_model(after, full_check=True)
    assert set(operators(after)) == wanted
    for batch in (1, 3):
        x = noise(batch, *(end.dim_value for end in _axes(model)))
        np.testing.assert_allclose(answer(after, x), answer(model, x), atol=1e-5)


LEFT = {
    "more than one frame": node("Conv", (4, 5), noise(5, 4, 3)),
    "more windows than a few": node("Conv", (1, 40), noise(5, 1, 3)),
    "a group of several": node("Conv", (4, 3), noise(6, 2, 3), group=2),
    "two of each channel": node("Conv", (4, 3), noise(8, 1, 3), group=4),
    "frames that are padded": node("Conv", (4, 1), noise(5, 4, 3), pads=[1, 1]),
    "a kernel that has bins to go": node("Conv", (4, 6, 3), noise(4, 1, 3, 3), group=4),
    "a mean of a part": node("AveragePool", (4, 9), kernel_shape=[8], strides=[2]),
    "a mean of every second bin": node(
        "AveragePool", (4, 6, 3), kernel_shape=[1, 3], strides=[2, 1]
    ),
    "a mean of neighbours": node("ReduceMean", (4, 6), AXES, keepdims=0),
    "a mean of channels": node("ReduceMean", (4, 6), np.array([1], np.int64), keepdims=0),
    "nothing slow": node("Relu", (4, 1)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_does_not_match_stays_as_it_is(name: str) -> None:
    assert rewritten(LEFT[name]) is LEFT[name]


def test_a_graph_of_old_operators_or_of_a_fixed_batch_stays_as_it_is() -> None:
    for change in ("opset", "batch"):
        model = onnx.ModelProto()
        model.CopyFrom(REPLACED["dense"][0])
        if change == "opset":
            model.opset_import[0].version = 17
        else:
            model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
        assert rewritten(model) is model


def test_where_nothing_is_gained_no_graph_is_kept(tmp_path: Path) -> None:
    plain, fast = tmp_path / "plain.onnx", tmp_path / "step.onnx"
    onnx.save(LEFT["nothing slow"], plain)
    assert export_one_hop(classifier().stream, fast, CLIPS, plain=plain) is None
    assert not fast.exists()


def test_what_answers_otherwise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = one_hop_rules._filled
    monkeypatch.setattr(one_hop_rules, "_filled", lambda *given: 2 * right(*given))
    assert export_one_hop(classifier().stream, tmp_path / "step.onnx", CLIPS) is None
    assert list(tmp_path.iterdir()) == []


def _axes(model: onnx.ModelProto) -> list[onnx.TensorShapeProto.Dimension]:
    return list(model.graph.input[0].type.tensor_type.shape.dim)[1:]
