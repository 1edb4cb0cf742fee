"""A model as TensorFlow's SavedModel, of plain operators that stock TensorFlow Serving runs.

A whole clip has two signatures: `serving_default` takes samples, `pcm` takes the bytes of 16-bit
little-endian PCM, which a REST client sends as base64. A stream has one, with its states as further
inputs and outputs. The batch is free. A stream with its states inside is one stream for all who ask:
`serving_default` takes what is heard next, and `reset` begins it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from torch import nn

from sonant.card import StateSpec
from sonant.errors import ExportError
from sonant.export.translate_libraries import tensorflow
from sonant.export.translate_step import Exportable, step_graph, whole_graph
from sonant.nn.streaming import Streamable

States: TypeAlias = Literal["outside", "inside"]

PURPOSE: Final = "a SavedModel"
SERVED: Final = "serving_default"
PCM: Final = "pcm"
RESET: Final = "reset"
FULL_SCALE = 32768.0
"""What a 16-bit sample is divided by, as everywhere audio is read."""

FOREIGN: Final = frozenset(
    {"XlaCallModule", "XlaLaunch", "PyFunc", "EagerPyFunc", "PyFuncStateless"}
)
"""Operators that a stock server does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """What was written."""

    bytes: int
    """Of all files."""
    operators: tuple[str, ...]
    """TensorFlow's names, sorted."""
    signatures: tuple[str, ...]
    """Names, sorted."""
    states: tuple[StateSpec, ...]
    """Of a stream, in the order of its inputs, or of its variables."""


def export_whole(classifier: nn.Module, folder: Path, *, samples: int) -> SavedModel:
    """Write `classifier` for clips of [batch, `samples`]; raises `ExportError`, `MissingExtra`."""
    return write(whole_graph(classifier, shape=(samples,)), folder)


def export_stream(
    stream: Streamable,
    folder: Path,
    *,
    bins: int | None = None,
    frames: int = 1,
    states: States = "outside",
) -> SavedModel:
    """Write one step of `stream` for `frames` answers at a time; with `bins` it takes features.

    Raises `ExportError`, `MissingExtra`.
    """
    model = step_graph(stream, shape=() if bins is None else (bins,), frames=frames)
    return write(model, folder, states=states)


def write(model: Exportable, folder: Path, *, states: States = "outside") -> SavedModel:
    """Write a graph with its signatures; raises `ExportError` for what a stock server does not run."""
    tf = tensorflow(PURPOSE)
    holder = tf.Module()
    inside = states == "inside"
    signatures = _remembering(model, holder) if inside else {SERVED: _by_name(model)}
    if not model.states and len(model.shape) == 1:
        signatures[PCM] = _from_pcm(model, signatures[SERVED])
    holder.signatures_ = list(signatures.values())
    concrete = {name: function.get_concrete_function() for name, function in signatures.items()}
    operators = {operator for function in concrete.values() for operator in _operators(function)}
    if operators & FOREIGN:
        raise ExportError(
            f"{folder.name}: a stock TensorFlow Serving has no {', '.join(sorted(operators & FOREIGN))}"
        )
    tf.saved_model.save(holder, str(folder), signatures=concrete)
    return SavedModel(
        bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        operators=tuple(sorted(operators)),
        signatures=tuple(sorted(signatures)),
        states=model.states,
    )


def _by_name(model: Exportable) -> Any:
    """The function of the inputs, each named as the card names it."""
    tf = tensorflow(PURPOSE)
    shapes = [model.shape, *(state.shape for state in model.states)]
    specs = {
        name: tf.TensorSpec([None, *shape], tf.float32, name=name)
        for name, shape in zip(model.inputs, shapes, strict=True)
    }

    def function(given: dict[str, Any]) -> dict[str, Any]:
        return _answers(model, given)

    return tf.function(function, input_signature=[specs], autograph=False)


def _remembering(model: Exportable, holder: Any) -> dict[str, Any]:
    """The function of what is heard by one stream, whose states `holder` keeps, and that of its beginning."""
    tf = tensorflow(PURPOSE)
    kept = {
        state.name: tf.Variable(tf.zeros([1, *state.shape]), trainable=False)
        for state in model.states
    }
    holder.states_ = list(kept.values())

    def step(given: dict[str, Any]) -> dict[str, Any]:
        answers = _answers(model, {**given, **{name: end.value() for name, end in kept.items()}})
        for state in model.states:
            kept[state.name].assign(answers[state.next])
        return {model.output: answers[model.output]}

    def reset() -> dict[str, Any]:
        for end in kept.values():
            end.assign(tf.zeros_like(end))
        return {"states": tf.constant(len(kept))}  # a signature has to give something

    heard = {model.input: tf.TensorSpec([1, *model.shape], tf.float32, name=model.input)}
    return {
        SERVED: tf.function(step, input_signature=[heard], autograph=False),
        RESET: tf.function(reset, input_signature=[], autograph=False),
    }


def _answers(model: Exportable, given: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs by name, in a trace of TensorFlow."""
    from sonant.export.translate import check, translated
    from sonant.export.translate_layout import plain

    check(model.graph)
    results = translated(model.graph, [plain(given[name]) for name in model.inputs])
    return {name: result.logical for name, result in zip(model.outputs, results, strict=True)}


def _from_pcm(model: Exportable, of_samples: Any) -> Any:
    """The function of bytes; a clip that is too short ends with silence, a longer one is cut."""
    tf = tensorflow(PURPOSE)
    (samples,) = model.shape

    def function(pcm: Any) -> Any:
        whole = tf.io.decode_raw(pcm, tf.int16, fixed_length=2 * samples)
        heard = tf.reshape(tf.cast(whole, tf.float32) / FULL_SCALE, [-1, samples])
        return of_samples({model.input: heard})

    spec = tf.TensorSpec([None], tf.string, name=PCM)
    return tf.function(function, input_signature=[spec], autograph=False)


def _operators(function: Any) -> set[str]:
    definition = function.graph.as_graph_def()
    inner = {node.op for one in definition.library.function for node in one.node_def}
    return inner | {node.op for node in definition.node}
