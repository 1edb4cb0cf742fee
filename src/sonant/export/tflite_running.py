"""A .tflite file in LiteRT's interpreter, and how far it is from the model it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sonant.errors import ExportError
from sonant.export.onnx import OUTPUT, TOLERANCE, exportable
from sonant.export.quantize import Gap, gap
from sonant.export.tflite_variables import RESET
from sonant.export.translate_libraries import litert
from sonant.nn.streaming import Streamable


@final
class TfliteRunner:
    """One stream, or one clip after the other; states that the file has outside are kept here.

    Raises `ExportError` where the file cannot be opened, or a state has other scales at its two ends:
    it would drift.
    """

    def __init__(self, path: Path) -> None:
        interpreter = litert("running a .tflite file").Interpreter
        self.path = path
        # Its ends are read by one that is not made ready: delegates refuse some files without a reason.
        try:
            read = interpreter(model_path=str(path)).get_signature_runner("serving_default")
        except ValueError as error:
            raise ExportError(f"{path}: cannot be opened as a TFLite model ({error})") from error
        inputs, outputs = read.get_input_details(), read.get_output_details()
        self.states = {name: f"{name}.next" for name in inputs if f"{name}.next" in outputs}
        (self.heard,) = set(inputs) - set(self.states)
        self.shape: tuple[int, ...] = tuple(int(size) for size in inputs[self.heard]["shape"])
        """Of what is heard at a time, with a batch of 1."""
        for name, after in self.states.items():
            if inputs[name]["quantization"] != outputs[after]["quantization"]:
                raise ExportError(
                    f"{path.name}: {name} enters a step with scale {inputs[name]['quantization']} and "
                    f"leaves it with {outputs[after]['quantization']}, so it would drift"
                )
        self._interpreter = interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner("serving_default")
        self._silence = {
            name: np.full(
                inputs[name]["shape"], inputs[name]["quantization"][1], inputs[name]["dtype"]
            )
            for name in self.states
        }
        self.reset()

    def reset(self) -> None:
        """Begin anew: the states are exactly those of a new stream."""
        self._now: dict[str, Any] = dict(self._silence)
        if RESET in self._interpreter.get_signature_list():
            self._interpreter.get_signature_runner(RESET)()

    def step(self, heard: NDArray[Any]) -> NDArray[Any]:
        """The answer of the graph to [1, ...]; the states move on."""
        given = self._run(**{self.heard: np.ascontiguousarray(heard)}, **self._now)
        self._now = {name: given[after] for name, after in self.states.items()}
        answer: NDArray[Any] = given[OUTPUT]
        return answer

    def answers(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """One stream [..., time] from silence -> answers [frames, labels]."""
        self.reset()
        return np.concatenate([self.step(part[None])[0].T for part in self._parts(heard)])

    def _parts(self, heard: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        length = self.shape[-1]
        for at in range(0, heard.shape[-1] - length + 1, length):
            yield heard[..., at : at + length]


def stream_difference(stream: Streamable, path: Path, heard: NDArray[np.float32]) -> float:
    """The largest difference of a probability between a float file and the whole signal.

    `heard` is one stream, [samples] or [bins, frames], run step by step and never reset. Raises
    `ExportError` above the tolerance.
    """
    wanted = whole_signal(stream, heard)
    given = TfliteRunner(path).answers(heard)
    return refuse_apart(path, wanted[: len(given)], given)


def stream_gap(stream: Streamable, path: Path, heard: NDArray[np.float32]) -> Gap:
    """How far an 8-bit file is from the model on one stream that is never reset."""
    given = TfliteRunner(path).answers(heard)
    return gap(whole_signal(stream, heard)[: len(given)], given)


def whole_difference(classifier: nn.Module, path: Path, clips: NDArray[np.float32]) -> float:
    """The same for whole clips [clips, ...]; raises `ExportError` above the tolerance."""
    return refuse_apart(path, *_clips(classifier, path, clips))


def whole_gap(classifier: nn.Module, path: Path, clips: NDArray[np.float32]) -> Gap:
    """How far an 8-bit file is from the model on whole clips."""
    return gap(*_clips(classifier, path, clips))


def _clips(
    classifier: nn.Module, path: Path, clips: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with torch.no_grad():
        wanted = exportable(classifier)(torch.from_numpy(clips)).numpy()
    runner = TfliteRunner(path)
    return wanted, np.concatenate([runner.step(clip[None]) for clip in clips])


def whole_signal(stream: Streamable, heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers [frames, labels] of the whole signal at once."""
    hop = int(stream.hop)
    ready = torch.from_numpy(heard[..., : heard.shape[-1] // hop * hop])
    x = ready[None, None] if ready.dim() == 1 else ready[None]
    with torch.no_grad():
        answers: NDArray[np.float32] = exportable(stream)(x).numpy()[0].T
    return answers


def refuse_apart(path: Path, wanted: NDArray[np.float32], given: NDArray[np.float32]) -> float:
    """The largest difference of answers; raises `ExportError` above the tolerance."""
    worst = float(np.abs(wanted - given).max(initial=0.0))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{path.name}: the file differs from the model by {worst:.2g} (allowed: {TOLERANCE:g}); "
            f"it was not kept"
        )
    return worst
