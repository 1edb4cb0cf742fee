"""The same layers as a Keras network that streams as kws_streaming does, written as .tflite files.

Ring buffers as long as each kernel, shifted by one frame a step; a front end of matrix products; the
answer from the mean over a buffer. States are inputs and outputs, or variables. Rybakov et al.,
"Streaming keyword spotting on mobile devices" (2020), arXiv 2005.06720. Run by bench/stream.py:

    streaming_keras.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

CALIBRATION_STEPS = 200


@keras.saving.register_keras_serializable()
class Shift(layers.Layer):  # type: ignore[misc]
    """A ring buffer: the newest frame in, the oldest out; [1, frames, channels]."""

    def call(self, buffer: Any, newest: Any) -> Any:
        """The buffer behind this step."""
        return keras.ops.concatenate([buffer[:, newest.shape[1] :], newest], axis=1)


class Buffers:
    """The states of a network that is being built: one input and one output each."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def through(self, x: Any, frames: int) -> Any:
        """The last `frames` frames; [1, frames, channels]."""
        name = f"state_{len(self.inputs)}"
        self.inputs[name] = keras.Input(batch_shape=(1, frames, x.shape[2]), name=name)
        self.outputs[f"next_{name}"] = Shift()(self.inputs[name], x)
        return self.outputs[f"next_{name}"]


@keras.saving.register_keras_serializable()
class LogMel(layers.Layer):  # type: ignore[misc]
    """Window, Fourier transform and mel filters as products: [1, window, 1] -> [1, 1, mels]."""

    def __init__(self, front_end: dict[str, Any], rate_hz: int) -> None:
        super().__init__()
        window, fft = front_end["window_length"], front_end["fft_length"]
        mel = tf.signal.linear_to_mel_weight_matrix(
            front_end["mels"], fft // 2 + 1, rate_hz, front_end["min_hz"], rate_hz / 2
        ).numpy()
        turns = 2 * np.pi * np.outer(np.arange(window), np.arange(fft // 2 + 1)) / fft
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        self.real = (hann[:, None] * np.cos(turns)).astype(np.float32)
        self.imaginary = (hann[:, None] * np.sin(turns)).astype(np.float32)
        self.mel, self.floor = mel, front_end["floor"]

    def call(self, samples: Any) -> Any:
        """The logarithm of the energies."""
        flat = keras.ops.reshape(samples, (1, -1))
        power = (flat @ self.real) ** 2 + (flat @ self.imaginary) ** 2
        energies = keras.ops.maximum(power @ self.mel, self.floor)
        return keras.ops.expand_dims(keras.ops.log(energies), 1)


def network(facts: dict[str, Any]) -> keras.Model:
    """DS-TC-ResNet, one step of it: samples and states in, probabilities and states out."""
    model, front_end = facts["recipe"]["model"], facts["recipe"]["front_end"]
    buffers = Buffers()
    samples = keras.Input(batch_shape=(1, facts["hop"]), name="samples")
    x = layers.Reshape((facts["hop"], 1))(samples)
    x = LogMel(front_end, facts["rate_hz"])(buffers.through(x, front_end["window_length"]))
    for outputs, kernel, dilation, residual in zip(
        model["filters"], model["kernels"], model["dilations"], model["residual"], strict=True
    ):
        y = buffers.through(x, (kernel - 1) * dilation + 1) if kernel > 1 else x
        y = layers.DepthwiseConv1D(kernel, dilation_rate=dilation, use_bias=False)(y)
        y = layers.BatchNormalization()(layers.Conv1D(outputs, 1, use_bias=False)(y))
        if residual:
            short = layers.Conv1D(outputs, 1, use_bias=False)(x)
            y = layers.Add()([y, layers.BatchNormalization()(short)])
        x = layers.ReLU()(y)
    frames = 1 + (facts["samples"] - front_end["window_length"]) // facts["hop"]
    x = layers.GlobalAveragePooling1D()(buffers.through(x, frames))
    answer = layers.Dense(facts["labels"], activation="softmax")(x)
    return keras.Model(
        {"samples": samples, **buffers.inputs}, {"probabilities": answer, **buffers.outputs}
    )


def frozen(model: keras.Model) -> Callable[..., dict[str, Any]]:
    """One step with its weights as constants, as kws_streaming converts it."""
    ends = {
        name: tf.TensorSpec(end.shape, tf.float32, name=name) for name, end in model.input.items()
    }
    step = tf.function(lambda **given: model(given, training=False), autograph=False)
    constant = convert_variables_to_constants_v2(step.get_concrete_function(**ends))
    names = sorted(model.output)
    return lambda **given: dict(zip(names, constant(**given), strict=True))


class Step(tf.Module):  # type: ignore[misc]
    """One step; its states are inputs and outputs, or variables."""

    def __init__(self, model: keras.Model, *, inside: bool) -> None:
        super().__init__()
        self.frozen = frozen(model)
        self.inside = inside
        shapes = {name: end.shape for name, end in model.input.items()}
        states = [name for name in shapes if name != "samples"]
        self.kept = {name: tf.Variable(tf.zeros(shapes[name])) for name in states if inside}
        self.signature = {
            name: tf.TensorSpec(shape, tf.float32, name=name)
            for name, shape in shapes.items()
            if name not in self.kept
        }

    def step(self, **ends: Any) -> dict[str, Any]:
        """One step."""
        given = self.frozen(**ends, **{name: kept.read_value() for name, kept in self.kept.items()})
        for name, kept in self.kept.items():
            kept.assign(given.pop(f"next_{name}"))
        return given


def write(module: Step, path: Path, *, examples: Any = None) -> None:
    """A .tflite file by way of a SavedModel, which keeps the names; 8-bit with examples."""
    served = tf.function(module.step, autograph=False).get_concrete_function(**module.signature)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": served})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.experimental_enable_resource_variables = module.inside
        if examples is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = examples
        path.write_bytes(converter.convert())


def examples(model: keras.Model, folder: Path) -> Iterator[dict[str, Any]]:
    """Steps of a stream with the states before them."""
    sound, hop = np.load(folder / "sound.npy")[:1], model.input["samples"].shape[1]
    step = tf.function(lambda ends: model(ends, training=False))
    now = {name: tf.zeros(end.shape) for name, end in model.input.items()}
    for at in range(0, CALIBRATION_STEPS * hop, hop):
        now["samples"] = tf.constant(sound[:, at : at + hop])
        yield {name: value.numpy() for name, value in now.items()}
        given = step(now)
        now |= {name: given[f"next_{name}"] for name in now if name != "samples"}


def main(folder: Path) -> None:
    """Write three files, or the reason why there are none."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    model = facts["recipe"]["model"]
    if model["name"] != "ds_tc_resnet" or model["lookahead"] or set(model["repeats"]) != {1}:
        raise SystemExit("only ds_tc_resnet without look-ahead or repeats is written in Keras")
    keras.utils.set_random_seed(0)
    step = network(facts)
    write(Step(step, inside=True), folder / "keras-float-inside.tflite")
    write(Step(step, inside=False), folder / "keras-float-outside.tflite")
    write(
        Step(step, inside=False),
        folder / "keras-int8-outside.tflite",
        examples=lambda: examples(step, folder),
    )
    print(json.dumps({"parameters": step.count_params()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
