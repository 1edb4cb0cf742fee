"""States as variables inside a .tflite file: read at the beginning of a step, assigned at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sonant.errors import ExportError
from sonant.export.tflite_flatbuffer import PURPOSE, is_int8, operator_of, scale_of
from sonant.export.translate_libraries import schema

RESET: Final = "reset"
"""Name of the signature that begins a stream anew."""


def keep_inside(model: Any, states: Mapping[str, tuple[int, int]], *, reset: bool) -> None:
    """Make states variables of the graph: name -> (number of its input, number of its output).

    A second graph sets them to silence; it runs before the first step, and with `reset` by a signature
    too. Raises `ExportError` where a state's two ends differ in scale.
    """
    graph = model.subgraphs[0]
    ends = {name: (graph.inputs[i], graph.outputs[o]) for name, (i, o) in states.items()}
    start = _graph_of_silence(model, graph, {name: before for name, (before, _) in ends.items()})
    first: list[Any] = [_call_once(model, len(model.subgraphs))]
    last: list[Any] = []
    for name, (before, after) in ends.items():
        refuse_untied(graph, name, before, after)
        handle, maker = _handle(model, graph, name)
        first += [maker, operator_of(model, "READ_VARIABLE", [handle], [before])]
        last.append(operator_of(model, "ASSIGN_VARIABLE", [handle, after], []))
    graph.operators = [*first, *graph.operators, *last]
    gone_in = {i for i, _ in states.values()}
    gone_out = {o for _, o in states.values()}
    graph.inputs = [index for at, index in enumerate(graph.inputs) if at not in gone_in]
    graph.outputs = [index for at, index in enumerate(graph.outputs) if at not in gone_out]
    model.subgraphs.append(start)
    for served in model.signatureDefs:
        served.inputs = [end for end in served.inputs if end.tensorIndex in graph.inputs]
        served.outputs = [end for end in served.outputs if end.tensorIndex in graph.outputs]
    if reset:
        signature = schema(PURPOSE).SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = RESET.encode(), len(model.subgraphs) - 1
        signature.inputs, signature.outputs = [], []
        model.signatureDefs.append(signature)


def refuse_untied(graph: Any, name: str, before: int, after: int) -> None:
    """Raise `ExportError` where what leaves a step would enter the next one as other values."""
    ends = graph.tensors[before], graph.tensors[after]
    if ends[0].type != ends[1].type or scale_of(ends[0]) != scale_of(ends[1]):
        raise ExportError(
            f"{name}: the state enters a step as {scale_of(ends[0])} and leaves it as "
            f"{scale_of(ends[1])}, so it would drift; keep its layer float by float_layers"
        )


def _graph_of_silence(model: Any, graph: Any, states: Mapping[str, int]) -> Any:
    """A graph that assigns to every variable what stands for 0."""
    tables = schema(PURPOSE)
    start = tables.SubGraphT()
    start.name, start.inputs, start.outputs = b"silence", [], []
    start.tensors, start.operators = [], []
    for name, index in states.items():
        like = graph.tensors[index]
        tensor = tables.TensorT()
        tensor.name, tensor.shape, tensor.type = f"{name}.silence".encode(), like.shape, like.type
        tensor.quantization = like.quantization
        values = np.full(like.shape, scale_of(like).zero, np.int8 if is_int8(like) else np.float32)
        tensor.buffer = _buffer(model, values)
        start.tensors.append(tensor)
        silence = len(start.tensors) - 1
        handle, maker = _handle(model, start, name)
        start.operators += [maker, operator_of(model, "ASSIGN_VARIABLE", [handle, silence], [])]
    return start


def _buffer(model: Any, values: Any) -> int:
    buffer = schema(PURPOSE).BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _handle(model: Any, graph: Any, name: str) -> tuple[int, Any]:
    """A tensor that names a variable, and the operator that makes it."""
    tables = schema(PURPOSE)
    tensor = tables.TensorT()
    tensor.name, tensor.type, tensor.buffer = (
        f"{name}.handle".encode(),
        tables.TensorType.RESOURCE,
        0,
    )
    tensor.shape = []
    graph.tensors.append(tensor)
    options = tables.VarHandleOptionsT()
    options.container, options.sharedName = b"", name.encode()
    index = len(graph.tensors) - 1
    return index, operator_of(model, "VAR_HANDLE", [], [index], options=options)


def _call_once(model: Any, graph: int) -> Any:
    options = schema(PURPOSE).CallOnceOptionsT()
    options.initSubgraphIndex = graph
    return operator_of(model, "CALL_ONCE", [], [], options=options)
