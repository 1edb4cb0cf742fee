"""A SavedModel in a process of its own, as a server would load it, and how far it is from the model."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx

from sonant.errors import ExportError
from sonant.export.onnx import OUTPUT, TOLERANCE
from sonant.export.saved_model import RESET, SERVED
from sonant.export.translate_libraries import tensorflow
from sonant.export.translate_step import Exportable

PURPOSE: Final = "running a SavedModel"
NEXT: Final = ".next"
"""Behind the name of a state: what it is after the step."""


def difference(model: Exportable, folder: Path, given: Sequence[NDArray[np.float32]]) -> float:
    """How far the SavedModel is from the module's own graph: the largest difference of any output.

    `given` is one array for each input, batch first. Raises `ExportError` above the tolerance.
    """
    tensors = [torch.from_numpy(array) for array in given]
    with torch.no_grad():
        wanted = model.graph.run(tensors, apply=_torch, constant=_same)
    answers = run_apart(folder, dict(zip(model.inputs, given, strict=True)))
    pairs = zip(model.outputs, wanted, strict=True)
    # Not `max`: it takes what is no number for the smaller one.
    worst = float(np.max([np.abs(answers[name] - value.numpy()).max() for name, value in pairs]))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{folder.name}: the SavedModel differs from the model by {worst:.2g} "
            f"(allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def run_apart(
    folder: Path, given: Mapping[str, NDArray[Any]], *, signature: str = SERVED
) -> dict[str, NDArray[Any]]:
    """The outputs of a signature by name, from a fresh process; raises `ExportError` where it fails."""
    return _apart("answer", folder, given, signature)


def hear_apart(folder: Path, streams: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """The answers [streams, labels, frames] to each of several lots of streams [streams, ..., time].

    Every stream begins in silence and goes step by step, in one fresh process for all; what is no
    whole step is left over. Raises `ExportError` where it fails.
    """
    lots = {f"{number:04}": lot for number, lot in enumerate(streams)}
    answers = _apart("hear", folder, lots)
    return [answers[name] for name in lots]


def answer(folder: str, given: str, answers: str, signature: str) -> None:
    """Run a signature on the arrays of one .npz file and leave its outputs in another."""
    tf = tensorflow(PURPOSE)
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


def hear(folder: str, given: str, answers: str) -> None:
    """Run the lots of streams in one .npz file and leave their answers in another."""
    loaded = tensorflow(PURPOSE).saved_model.load(folder)
    with np.load(given) as lots:
        heard = {name: _heard(loaded, lots[name]) for name in lots.files}
    np.savez(answers, **heard)  # type: ignore[arg-type]


def _heard(loaded: Any, streams: NDArray[np.float32]) -> NDArray[np.float32]:
    """All streams at once where the states are outside; where they are inside, one after the other."""
    reset = loaded.signatures.get(RESET)
    if reset is None:
        return _stepped(loaded.signatures[SERVED], streams)
    answers = []
    for stream in streams:
        reset()
        answers.append(_stepped(loaded.signatures[SERVED], stream[None]))
    return np.concatenate(answers)


def _stepped(step: Any, streams: NDArray[np.float32]) -> NDArray[np.float32]:
    """Step by step within TensorFlow: from Python, each of many thousand steps would take longer."""
    tf = tensorflow(PURPOSE)
    # By the names that it is called with; as arguments they have lost their dots.
    ends = {end.name: end for end in step.structured_input_signature[1].values()}
    states = [name for name in ends if f"{name}{NEXT}" in step.structured_outputs]
    (heard,) = set(ends) - set(states)
    length = ends[heard].shape[-1]
    count = streams.shape[-1] // length
    steps = streams[..., : count * length].reshape(*streams.shape[:-1], count, length)
    parts = tf.constant(np.moveaxis(steps, -2, 0))
    silence = [tf.zeros([len(streams), *ends[name].shape[1:]]) for name in states]

    def body(at: Any, answers: Any, *before: Any) -> Any:
        given = step(**{heard: tf.gather(parts, at), **dict(zip(states, before, strict=True))})
        after = (
            tf.ensure_shape(given[f"{name}{NEXT}"], state.shape)
            for name, state in zip(states, before, strict=True)
        )
        return at + 1, answers.write(at, given[OUTPUT]), *after

    def run() -> Any:
        rows = tf.TensorArray(tf.float32, size=count)
        ready = tf.while_loop(
            lambda at, *_: at < count, body, (tf.constant(0), rows, *silence), parallel_iterations=1
        )
        return ready[1].stack()

    answers: NDArray[np.float32] = tf.function(run, autograph=False)().numpy()
    return np.concatenate(list(answers), axis=-1)


def _apart(
    what: str, folder: Path, given: Mapping[str, NDArray[Any]], *more: str
) -> dict[str, NDArray[Any]]:
    """One of the two functions above in a fresh process, from arrays to arrays."""
    with tempfile.TemporaryDirectory() as scratch:
        before, after = Path(scratch) / "given.npz", Path(scratch) / "answers.npz"
        np.savez(before, **given)  # type: ignore[arg-type]
        program = f"import sys; from {__name__} import {what}; {what}(*sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder), str(before), str(after), *more],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ExportError(f"{folder.name}: the SavedModel does not run: {reason}")
        with np.load(after) as answers:
            return {name: answers[name] for name in answers.files}


def _same(value: Any) -> Any:
    return value


def _torch(node: fx.Node, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return node.target(*args, **named)  # type: ignore[operator]
