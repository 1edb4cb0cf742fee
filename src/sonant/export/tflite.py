"""A model as a .tflite file for LiteRT: whole clips, or a stream with its states outside or inside.

Float, or 8-bit from the first layer that is not named in `float_layers`. In the file tensors lie as
TensorFlow's kernels want them, time before channels: `Written.states` tells the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import torch
from torch import Tensor, fx, nn

from sonant.errors import ExportError
from sonant.export import tflite_flatbuffer as flatbuffer
from sonant.export.tflite_flatbuffer import Scale
from sonant.export.tflite_ranges import Range, Ranges, calibrated
from sonant.export.tflite_variables import keep_inside, refuse_untied
from sonant.export.translate_libraries import tensorflow
from sonant.export.translate_step import Exportable, step_graph, whole_graph
from sonant.nn.streaming import Streamable

States: TypeAlias = Literal["outside", "inside"]

PURPOSE: Final = "a .tflite file"
LAYOUTS: Final[Mapping[int, tuple[int | None, ...]]] = {
    1: (0, 1),
    2: (0, 2, None, 1),
    3: (0, 3, 2, 1),
}
"""How a state lies in the file, by its axes without the batch: time first, channels last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteState:
    """One state of a stream as it is in the file."""

    name: str
    """Of the input, or of the variable."""
    next: str
    """Of the output; empty for a variable."""
    shape: tuple[int, ...]
    """With the batch, which is 1."""
    int8: bool
    """Whether it is 8-bit; else it is float32."""
    scale: Scale
    """The same at both ends; a stream begins with `zero` everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    bytes: int
    """Of the file."""
    operators: tuple[str, ...]
    """LiteRT's names, sorted."""
    states: tuple[TfliteState, ...]
    """In the order of the inputs."""
    arena_bytes: int
    """Estimate of the memory that its values need while it runs."""


def export_whole(
    classifier: nn.Module, path: Path, *, shape: Sequence[int],
    calibration: Sequence[Tensor] = (), float_layers: Sequence[str] = ("classifier.front_end",),
) -> Written:  # fmt: skip
    """Write `classifier` for one clip of [1, *shape]; with `calibration`, batches of clips, in 8 bits.

    Raises `ExportError`, `MissingExtra`.
    """
    model = whole_graph(classifier, shape=shape)
    ranges = calibrated(model, calibration, float_layers=float_layers) if calibration else None
    return write(model, path, ranges=ranges)


def export_stream(
    stream: Streamable, path: Path, *, bins: int | None = None, frames: int = 1,
    states: States = "outside", calibration: Tensor | None = None,
    float_layers: Sequence[str] = (),
) -> Written:  # fmt: skip
    """Write one step of `stream`, for `frames` answers at a time; with `bins` it takes features.

    With `calibration`, long audio or features of streams side by side, [batch, ..., time], it is
    8-bit; `float_layers` are paths as in `stream.layers.0`, the front end of a chain. Raises
    `ExportError`, `MissingExtra`.
    """
    model = step_graph(stream, shape=() if bins is None else (bins,), frames=frames)
    ranges = None
    if calibration is not None:
        ranges = calibrated(model, cut(calibration, model.shape[-1]), float_layers=float_layers)
    return write(model, path, ranges=ranges, states=states)


def cut(heard: Tensor, length: int) -> list[Tensor]:
    """The steps of long audio; what is left over is dropped."""
    whole = heard.shape[-1] // length * length
    return list(torch.split(heard[..., :whole], length, dim=-1))


def write(
    model: Exportable, path: Path, *, ranges: Ranges | None = None, states: States = "outside"
) -> Written:
    """Write a graph; raises `ExportError` where a state would drift."""
    tables = flatbuffer.read(converted(model, ranges))
    outside = range(1, len(model.states) + 1)
    flatbuffer.bare(tables, inputs=outside, outputs=outside)
    flatbuffer.renamed(tables, inputs=model.inputs, outputs=model.outputs)
    found = _states(model, tables)
    if states == "inside" and model.states:
        ends = {state.name: (at, at) for at, state in enumerate(model.states, start=1)}
        keep_inside(tables, ends, reset=True)
    content = flatbuffer.written(tables)
    path.write_bytes(content)
    return Written(
        bytes=len(content),
        operators=tuple(sorted({name for name, _, _ in flatbuffer.operators(tables)})),
        states=found,
        arena_bytes=flatbuffer.arena(tables),
    )


def _states(model: Exportable, tables: Any) -> tuple[TfliteState, ...]:
    graph = tables.subgraphs[0]
    found = []
    for at, state in enumerate(model.states, start=1):
        before, after = graph.inputs[at], graph.outputs[at]
        refuse_untied(graph, state.name, before, after)
        tensor = graph.tensors[before]
        found.append(
            TfliteState(
                name=state.name,
                next=state.next,
                shape=tuple(int(size) for size in tensor.shape),
                int8=flatbuffer.is_int8(tensor),
                scale=flatbuffer.scale_of(tensor),
            )
        )
    return tuple(found)


def converted(
    model: Exportable, ranges: Ranges | None, *, heard: tuple[int, ...] | None = None
) -> bytes:
    """The file as TensorFlow's converter writes it: ends are float, states lie as in `LAYOUTS`.

    What is heard lies as torch has it, or in the order of axes given.
    """
    from sonant.export.translate import check, translated
    from sonant.export.translate_layout import Laid, moved

    tf = tensorflow(PURPOSE)
    check(model.graph)
    axes = [LAYOUTS[len(state.shape)] for state in model.states]
    shapes = [model.shape, *(state.shape for state in model.states)]
    axes = [heard or tuple(range(len(model.shape) + 1)), *axes]
    specs = []
    for at, (places, shape) in enumerate(zip(axes, shapes, strict=True)):
        sizes = [1 if axis is None else (1, *shape)[axis] for axis in places]
        specs.append(tf.TensorSpec(sizes, tf.float32, name=f"in_{at}"))

    def function(*ends: Any) -> list[Any]:
        given = [Laid(end, places) for end, places in zip(ends, axes, strict=True)]
        answer, *after = translated(model.graph, given, watch=_quantised(ranges, tf))
        kept = [moved(state, places) for state, places in zip(after, axes[1:], strict=True)]
        # An end that is another end, or a weight, would be no tensor of its own.
        return [tf.identity(answer.logical), *(tf.identity(state) for state in kept)]

    concrete = tf.function(function, input_signature=specs, autograph=False).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    if ranges is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    try:
        content = bytes(converter.convert())
    except Exception as error:  # the converter's own errors share no narrower class
        reason = str(error).strip().splitlines()[0]
        raise ExportError(f"the model cannot be written as TFLite: {reason}") from error
    return _in_order(content, len(specs))


def _in_order(content: bytes, count: int) -> bytes:
    """The converter orders inputs and outputs as it likes; its signature knows which is which."""
    tables = flatbuffer.read(content)
    graph, (signature,) = tables.subgraphs[0], tables.signatureDefs
    for attribute, ends in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        named = {end.name.decode(): end.tensorIndex for end in ends}
        order = sorted(named, key=lambda name: int(name.rsplit("_", 1)[1]))
        assert len(order) == count
        setattr(graph, attribute, [named[name] for name in order])
    return flatbuffer.written(tables)


def _quantised(ranges: Ranges | None, tf: Any) -> Any:
    """What marks the range of each value for the converter; None for a float file."""
    if ranges is None:
        return None

    def marked(value: Any, to: Range) -> Any:
        return value.like(tf.quantization.fake_quant_with_min_max_args(value.tensor, *to))

    def watch(node: fx.Node, value: Any) -> Any:
        if node.name not in ranges.groups:
            return value
        group, own = ranges.groups[node.name], ranges.fixed.get(node.name)
        value = marked(value, own) if own is not None else value
        return value if own == group else marked(value, group)

    return watch
