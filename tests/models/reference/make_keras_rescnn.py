"""Writes keras_rescnn.npz: what Keras answers with a small ResCNN, built layer by layer as in Deep Speaker.

python -m venv peer && peer/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1 h5py==3.14.0
peer/bin/python make_keras_rescnn.py

The weights are not stored: `seeded` draws them from layer, weight and shape, and the test draws the
same. With a path as argument the file that Keras itself saves is kept there.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
CHANNELS = (3, 4, 5, 6)
BLOCKS, SIZE, FRAMES, BINS, SPEAKERS = 2, 7, 32, 64, 9


def seeded(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The weight `layer/weight`, of a size that keeps activations near 1 through many layers."""
    noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("moving_variance"):
        values = 1.0 + 0.5 * np.abs(noise)
    elif name.endswith(("moving_mean", "beta", "bias")):
        values = 0.1 * noise
    elif len(shape) == 1:
        values = 1.0 + 0.1 * noise
    else:
        values = noise * np.sqrt(2.0 / np.prod(shape[:-1]))
    return np.asarray(values, np.float32)


def layers() -> dict[str, dict[str, tuple[int, ...]]]:
    """Every layer of Keras with the shapes of its weights, in the order of the network."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}

    def convolution(name: str, size: int, inputs: int, outputs: int) -> None:
        found[name] = {"kernel": (size, size, inputs, outputs), "bias": (outputs,)}
        kinds = ("gamma", "beta", "moving_mean", "moving_variance")
        found[f"{name}_bn"] = dict.fromkeys(kinds, (outputs,))

    inputs = 1
    for stage, channels in enumerate(CHANNELS, start=1):
        convolution(f"conv{channels}-s", 5, inputs, channels)
        for block in range(BLOCKS):
            for branch in ("2a", "2b"):
                convolution(f"res{stage}_{block}_branch_{branch}", 3, channels, channels)
        inputs = channels
    bins = BINS // 2 ** len(CHANNELS)
    found["affine"] = {"kernel": (bins * inputs, SIZE), "bias": (SIZE,)}
    found["dense"] = {"kernel": (SIZE, SPEAKERS), "bias": (SPEAKERS,)}
    return found


def main() -> None:
    import h5py
    import keras
    from keras import layers as part
    from keras.src.legacy.saving import legacy_h5_format

    def clipped(x: object) -> object:
        return part.ReLU(max_value=20.0)(x)

    def normed(x: object, name: str, size: int, channels: int, stride: int = 1) -> object:
        convolved = part.Conv2D(channels, size, strides=stride, padding="same", name=name)(x)
        return clipped(part.BatchNormalization(name=f"{name}_bn")(convolved))

    given = x = keras.Input((FRAMES, BINS, 1))
    for stage, channels in enumerate(CHANNELS, start=1):
        x = normed(x, f"conv{channels}-s", 5, channels, stride=2)
        for block in range(BLOCKS):
            before = x
            for branch in ("2a", "2b"):
                x = normed(x, f"res{stage}_{block}_branch_{branch}", 3, channels)
            x = clipped(part.add([x, before]))
    x = part.Reshape((-1, BINS // 2 ** len(CHANNELS) * CHANNELS[-1]))(x)
    embedding = part.Dense(SIZE, name="affine")(part.GlobalAveragePooling1D()(x))
    scaled = part.UnitNormalization(axis=1)(embedding)
    speakers = part.Dense(SPEAKERS, activation="softmax", name="dense")(embedding)
    model = keras.Model(given, [scaled, speakers])
    for layer in model.layers:
        if layer.weights:
            shapes = layers()[layer.name]
            kinds = [weight.name for weight in layer.weights]
            layer.set_weights([seeded(f"{layer.name}/{kind}", shapes[kind]) for kind in kinds])
    features = np.random.RandomState(0).standard_normal((2, FRAMES, BINS)).astype(np.float32)
    answer = np.asarray(model(features[..., None])[0])
    np.savez_compressed(HERE / "keras_rescnn.npz", features=features, embedding=answer)
    for path in sys.argv[1:]:
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)


if __name__ == "__main__":
    main()
