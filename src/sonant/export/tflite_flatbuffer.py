"""A .tflite file as objects, and what is changed in it after TensorFlow's converter wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from sonant.export.translate_libraries import schema

PURPOSE: Final = "a .tflite file"
IDENTIFIER: Final = b"TFL3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How 8-bit values stand for real ones; a scale of 0: the tensor is float."""

    scale: float
    """Real value of one step."""
    zero: int
    """The 8-bit value that stands for 0."""


def read(content: bytes) -> Any:
    """The tables of a file."""
    tables = schema(PURPOSE)
    model = tables.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:  # what is empty is read as None, what is not as read-only arrays
        graph.operators = graph.operators or []
        for part in (graph, *graph.operators):
            part.inputs, part.outputs = (
                [] if ends is None else [int(end) for end in ends]
                for ends in (part.inputs, part.outputs)
            )
    return model


def written(model: Any) -> bytes:
    """The tables as a file."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def scale_of(tensor: Any) -> Scale:
    """Of one tensor of the tables."""
    found = tensor.quantization
    if found is None or found.scale is None or not len(found.scale):
        return Scale(scale=0.0, zero=0)
    return Scale(scale=float(found.scale[0]), zero=int(found.zeroPoint[0]))


def operators(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, operator, the graph it is in) of every operator."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield name_of(model, operator), operator, graph


def name_of(model: Any, operator: Any) -> str:
    """The name of an operator, as in CONV_2D."""
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return _names()[number] if not code.customCode else code.customCode.decode()


@cache
def _names() -> dict[int, str]:
    kinds = vars(schema(PURPOSE).BuiltinOperator)
    return {number: name for name, number in kinds.items() if isinstance(number, int)}


def bare(model: Any, *, inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Take the QUANTIZE off some inputs and the DEQUANTIZE off some outputs, given by their number.

    Ends that have none stay float.
    """
    graph = model.subgraphs[0]
    for number in inputs:
        readers = [one for one in graph.operators if graph.inputs[number] in one.inputs]
        if readers and all(name_of(model, one) == "QUANTIZE" for one in readers):
            _replace(graph, readers, by=readers[0].outputs[0])
            graph.inputs[number] = readers[0].outputs[0]
    for number in outputs:
        makers = [one for one in graph.operators if graph.outputs[number] in one.outputs]
        if makers and name_of(model, makers[0]) == "DEQUANTIZE":
            graph.outputs[number] = makers[0].inputs[0]
            _drop(graph, makers[0])


def _replace(graph: Any, readers: Sequence[Any], *, by: int) -> None:
    for operator in readers:
        for other in graph.operators:
            other.inputs = [by if index == operator.outputs[0] else index for index in other.inputs]
        graph.outputs = [by if index == operator.outputs[0] else index for index in graph.outputs]
        graph.operators.remove(operator)


def _drop(graph: Any, operator: Any) -> None:
    """Remove an operator whose result nobody reads any more."""
    result = operator.outputs[0]
    read = any(result in other.inputs for other in graph.operators) or result in graph.outputs
    if not read:
        graph.operators.remove(operator)


def unsigned(model: Any, *, output: int) -> None:
    """Give an 8-bit output as unsigned bytes."""
    tables = schema(PURPOSE)
    graph = model.subgraphs[0]
    before = graph.tensors[graph.outputs[output]]
    tensor = tables.TensorT()
    tensor.name, tensor.shape, tensor.type = b"", before.shape, tables.TensorType.UINT8
    tensor.buffer, tensor.quantization = 0, tables.QuantizationParametersT()
    tensor.quantization.scale = [scale_of(before).scale]
    tensor.quantization.zeroPoint = [scale_of(before).zero + 128]
    graph.tensors.append(tensor)
    index = len(graph.tensors) - 1
    graph.operators.append(operator_of(model, "QUANTIZE", [graph.outputs[output]], [index]))
    graph.outputs[output] = index


def renamed(model: Any, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give the ends their names, in the tensors and in the signature."""
    tables = schema(PURPOSE)
    graph = model.subgraphs[0]
    taken: dict[int, str] = {}
    for numbers, names in ((graph.inputs, inputs), (graph.outputs, outputs)):
        for index, name in zip(numbers, names, strict=True):
            taken.setdefault(int(index), name)
    for index, name in taken.items():
        graph.tensors[index].name = name.encode()
    signature = tables.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs = [_end(name, index) for name, index in zip(inputs, graph.inputs, strict=True)]
    signature.outputs = [
        _end(name, index) for name, index in zip(outputs, graph.outputs, strict=True)
    ]
    model.signatureDefs = [signature]


def _end(name: str, index: int) -> Any:
    end = schema(PURPOSE).TensorMapT()
    end.name, end.tensorIndex = name.encode(), int(index)
    return end


def arena(model: Any) -> int:
    """Bytes that values need while the first graph runs: most that live at once, in rows of 16 bytes."""
    graph = model.subgraphs[0]
    birth: dict[int, int] = {int(index): 0 for index in graph.inputs}
    death: dict[int, int] = {}
    for time, operator in enumerate(graph.operators):
        for index in operator.outputs:
            birth.setdefault(int(index), time)
        for index in operator.inputs:
            death[int(index)] = time
    end = len(graph.operators)
    death |= {int(index): end for index in graph.outputs}
    sizes = {index: _bytes(graph.tensors[index]) for index in birth}
    alive = [
        sum(
            size
            for index, size in sizes.items()
            if birth[index] <= time <= death.get(index, birth[index])
        )
        for time in range(end + 1)
    ]
    return max(alive, default=0)


def variables(model: Any) -> int:
    """Bytes of the states that the file keeps inside."""
    return sum(
        _bytes(graph.tensors[operator.outputs[0]])
        for name, operator, graph in operators(model)
        if name == "READ_VARIABLE"
    )


def _bytes(tensor: Any) -> int:
    wide = 1 if is_int8(tensor) else 4
    count = int(np.prod(tensor.shape)) if tensor.shape is not None and len(tensor.shape) else 1
    return -(-count * wide // 16) * 16


def is_int8(tensor: Any) -> bool:
    """Whether a tensor of the tables is 8-bit."""
    return bool(tensor.type == schema(PURPOSE).TensorType.INT8)


_OPTIONS: Final = {
    "READ_VARIABLE": "ReadVariableOptions",
    "ASSIGN_VARIABLE": "AssignVariableOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "CALL_ONCE": "CallOnceOptions",
    "QUANTIZE": "QuantizeOptions",
}


def operator_of(
    model: Any, name: str, inputs: Sequence[int], outputs: Sequence[int], *, options: Any = None
) -> Any:
    """A new operator, to be put in its place."""
    tables = schema(PURPOSE)
    operator = tables.OperatorT()
    operator.opcodeIndex = _code(model, getattr(tables.BuiltinOperator, name))
    operator.inputs, operator.outputs = list(inputs), list(outputs)
    operator.builtinOptionsType = getattr(tables.BuiltinOptions, _OPTIONS[name])
    operator.builtinOptions = options or getattr(tables, f"{_OPTIONS[name]}T")()
    return operator


def _code(model: Any, number: int) -> int:
    for at, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
            return at
    code = schema(PURPOSE).OperatorCodeT()
    code.builtinCode, code.version = number, 1
    code.deprecatedBuiltinCode = min(number, 127)
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
