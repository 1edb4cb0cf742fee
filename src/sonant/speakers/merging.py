"""Several embedding graphs as one, whose cosine is the weighted mean of theirs. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, compose, helper, inliner, numpy_helper

from sonant.errors import BundleError
from sonant.speakers.embedding import LENGTHS, NORM

SAMPLES: Final = "samples"
EMBEDDING: Final = "embedding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A graph that goes into a merged one."""

    file: Path
    input: str
    """Its samples, [batch, n]."""
    output: str
    """Its embeddings, [batch, size], of length 1."""
    weight: float
    """Above 0; those of all parts sum to 1."""
    norm: float
    """An ordinary `norm` of it, which then counts as 1."""


def merged(parts: Sequence[Part]) -> ModelProto:
    """One graph: `samples` [batch, n] and `lengths` [batch] -> `embedding` [batch, sum of sizes], `norm`.

    Embeddings stand side by side, each times the root of its weight, so that the whole is of length 1 and
    its cosine is the sum of weight * cosine; see `fusion.Concatenation`. `norm` [batch] is the weighted mean
    of the parts' in their ordinary ones, and is there where all of them have it. Raises `BundleError` where a
    graph cannot be read, or they are written in operators of different versions.
    """
    models = [_prefixed(part.file, place) for place, part in enumerate(parts)]
    _one_language(parts, models)
    nodes: list[NodeProto] = []
    tensors: list[TensorProto] = []
    for place, (part, model) in enumerate(zip(parts, models, strict=True)):
        nodes += _fed(part, place)
        nodes += model.graph.node
        tensors += [*model.graph.initializer, *_scales(part, place)]
    has_norm = all(_has_norm(model, place) for place, model in enumerate(models))
    nodes += _joined(parts, has_norm=has_norm)
    graph = helper.make_graph(nodes, "fused", _inputs(), _outputs(has_norm=has_norm), tensors)
    found = helper.make_model(
        graph,
        opset_imports=models[0].opset_import,
        ir_version=max(model.ir_version for model in models),
        producer_name="sonant",
    )
    onnx.checker.check_model(found)
    return found


def _prefixed(file: Path, place: int) -> ModelProto:
    """A graph whose names all begin with its place."""
    try:
        model = inliner.inline_local_functions(onnx.load(str(file)))
    except Exception as error:  # protobuf's and onnx's own errors share no narrower class
        raise BundleError(f"{file}: cannot be read as a graph ({error})") from error
    return compose.add_prefix(model, prefix=_name(place, ""))


def _name(place: int, name: str) -> str:
    return f"part{place}.{name}"


def _one_language(parts: Sequence[Part], models: Sequence[ModelProto]) -> None:
    versions = [{entry.domain: entry.version for entry in model.opset_import} for model in models]
    for part, other in zip(parts[1:], versions[1:], strict=True):
        if other != versions[0]:
            raise BundleError(
                f"{part.file}: is written in operators of version {other.get('', 0)}, {parts[0].file} in "
                f"those of {versions[0].get('', 0)}; write one of the two bundles anew with this sonant"
            )


def _fed(part: Part, place: int) -> Iterator[NodeProto]:
    """The inputs of all under the names of this one."""
    for whole, own in ((SAMPLES, part.input), (LENGTHS, LENGTHS)):
        yield helper.make_node("Identity", [whole], [_name(place, own)])


def _scales(part: Part, place: int) -> Iterator[TensorProto]:
    for name, value in (
        ("fusion.root", math.sqrt(part.weight)),
        ("fusion.share", part.weight / part.norm),
    ):
        yield numpy_helper.from_array(np.array(value, np.float32), _name(place, name))


def _joined(parts: Sequence[Part], *, has_norm: bool) -> Iterator[NodeProto]:
    """Every part's answer times its scale, and all of them as one."""
    vectors, norms = [], []
    for place, part in enumerate(parts):
        vectors.append(_name(place, "fusion.vector"))
        scale = _name(place, "fusion.root")
        yield helper.make_node("Mul", [_name(place, part.output), scale], [vectors[-1]])
        if has_norm:
            norms.append(_name(place, "fusion.norm"))
            scale = _name(place, "fusion.share")
            yield helper.make_node("Mul", [_name(place, NORM), scale], [norms[-1]])
    yield helper.make_node("Concat", vectors, [EMBEDDING], axis=1)
    if has_norm:
        yield helper.make_node("Sum", norms, [NORM])


def _has_norm(model: ModelProto, place: int) -> bool:
    return _name(place, NORM) in {end.name for end in model.graph.output}


def _inputs() -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(SAMPLES, TensorProto.FLOAT, ["batch", "n"]),
        helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, ["batch"]),
    ]


def _outputs(*, has_norm: bool) -> list[onnx.ValueInfoProto]:
    found = [helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["batch", None])]
    if has_norm:
        found.append(helper.make_tensor_value_info(NORM, TensorProto.FLOAT, ["batch"]))
    return found
