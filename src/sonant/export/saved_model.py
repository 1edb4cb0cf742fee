"""A model as TensorFlow's SavedModel, of plain operators that stock TensorFlow Serving runs.

A whole clip has two signatures: `serving_default` takes samples, `pcm` takes the bytes of 16-bit
little-endian PCM, which a REST client sends as base64. A stream has one, with its states as further
inputs and outputs. The batch is free.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from sonant.card import StateSpec
from sonant.errors import ExportError
from sonant.export.onnx import TOLERANCE
from sonant.export.translate_libraries import tensorflow
from sonant.export.translate_step import Exportable, step_graph, whole_graph
from sonant.nn.streaming import Streamable

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
    """Of a stream, in the order of its inputs."""


def export_whole(classifier: nn.Module, folder: Path, *, samples: int) -> SavedModel:
    """Write `classifier` for clips of [batch, `samples`]; raises `ExportError`, `MissingExtra`."""
    return write(whole_graph(classifier, shape=(samples,)), folder)


def export_stream(
    stream: Streamable, folder: Path, *, bins: int | None = None, frames: int = 1
) -> SavedModel:
    """Write one step of `stream` for `frames` answers at a time; with `bins` it takes features.

    Raises `ExportError`, `MissingExtra`.
    """
    return write(step_graph(stream, shape=() if bins is None else (bins,), frames=frames), folder)


def difference(model: Exportable, folder: Path, given: Sequence[NDArray[np.float32]]) -> float:
    """How far the SavedModel is from the module's own graph: the largest difference of any output.

    It is loaded and run in a process of its own. `given` is one array for each input, batch first.
    Raises `ExportError` above the tolerance.
    """
    tensors = [torch.from_numpy(array) for array in given]
    with torch.no_grad():
        wanted = model.graph.run(tensors, apply=_torch, constant=_same)
    answers = run_apart(folder, dict(zip(model.inputs, given, strict=True)))
    worst = max(
        float(np.abs(answers[name] - value.numpy()).max())
        for name, value in zip(model.outputs, wanted, strict=True)
    )
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{folder.name}: the SavedModel differs from the model by {worst:.2g} "
            f"(allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def run_apart(
    folder: Path, given: Mapping[str, NDArray[Any]], *, signature: str = "serving_default"
) -> dict[str, NDArray[Any]]:
    """The outputs of a signature by name, from a fresh process; raises `ExportError` where it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        before, after = Path(scratch) / "given.npz", Path(scratch) / "answers.npz"
        np.savez(before, **given)  # type: ignore[arg-type]
        program = "import sys; from sonant.export.saved_model import answer; answer(*sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder), signature, str(before), str(after)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ExportError(f"{folder.name}: the SavedModel does not run: {reason}")
        with np.load(after) as answers:
            return {name: answers[name] for name in answers.files}


def answer(folder: str, signature: str, given: str, answers: str) -> None:
    """Run a signature on the arrays of one .npz file and leave its outputs in another."""
    tf = tensorflow("running a SavedModel")
    loaded = tf.saved_model.load(folder)
    with np.load(given) as arrays:
        # A byte string in numpy loses its last zeros: PCM is kept as numbers.
        tensors = {
            name: tf.constant([row.tobytes() for row in arrays[name]])
            if arrays[name].dtype == np.dtype("<i2")
            else tf.constant(arrays[name])
            for name in arrays.files
        }
    outputs = loaded.signatures[signature](**tensors)
    np.savez(answers, **{name: value.numpy() for name, value in outputs.items()})


def write(model: Exportable, folder: Path) -> SavedModel:
    """Write a graph with its signatures; raises `ExportError` for what a stock server does not run."""
    tf = tensorflow("a SavedModel")
    signatures = {"serving_default": _by_name(model)}
    if not model.states and len(model.shape) == 1:
        signatures["pcm"] = _from_pcm(model, signatures["serving_default"])
    holder = tf.Module()
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
    from sonant.export.translate import check, translated
    from sonant.export.translate_layout import plain

    tf = tensorflow("a SavedModel")
    check(model.graph)
    shapes = [model.shape, *(state.shape for state in model.states)]
    specs = {
        name: tf.TensorSpec([None, *shape], tf.float32, name=name)
        for name, shape in zip(model.inputs, shapes, strict=True)
    }

    def function(given: dict[str, Any]) -> dict[str, Any]:
        results = translated(model.graph, [plain(given[name]) for name in model.inputs])
        return {name: result.logical for name, result in zip(model.outputs, results, strict=True)}

    return tf.function(function, input_signature=[specs], autograph=False)


def _from_pcm(model: Exportable, of_samples: Any) -> Any:
    """The function of bytes; a clip that is too short ends with silence, a longer one is cut."""
    tf = tensorflow("a SavedModel")
    (samples,) = model.shape

    def function(pcm: Any) -> Any:
        whole = tf.io.decode_raw(pcm, tf.int16, fixed_length=2 * samples)
        heard = tf.reshape(tf.cast(whole, tf.float32) / FULL_SCALE, [-1, samples])
        return of_samples({model.input: heard})

    spec = tf.TensorSpec([None], tf.string, name="pcm")
    return tf.function(function, input_signature=[spec], autograph=False)


def _operators(function: Any) -> set[str]:
    definition = function.graph.as_graph_def()
    inner = {node.op for one in definition.library.function for node in one.node_def}
    return inner | {node.op for node in definition.node}


def _same(value: Any) -> Any:
    return value


def _torch(node: fx.Node, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return node.target(*args, **named)  # type: ignore[operator]
