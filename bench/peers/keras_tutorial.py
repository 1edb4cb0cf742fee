"""The simple-audio tutorial in Keras and tf.data, written as the tutorial does; run by bench/train.py."""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf
from keras import layers

SAMPLES, BATCH = 16_000, 64


def dataset(folder: str, *, shuffle: bool) -> tuple[tf.data.Dataset, int]:
    """Waveforms and labels of a folder of label folders."""
    clips = keras.utils.audio_dataset_from_directory(
        folder,
        batch_size=BATCH,
        output_sequence_length=SAMPLES,
        seed=0,
        shuffle=shuffle,
        verbose=False,
    )
    labels = len(clips.class_names)
    return clips.map(lambda audio, label: (tf.squeeze(audio, -1), label), tf.data.AUTOTUNE), labels


def spectrograms(clips: tf.data.Dataset) -> tf.data.Dataset:
    """Magnitudes of the short-time Fourier transform, as one-channel images."""

    def convert(audio: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.abs(tf.signal.stft(audio, frame_length=255, frame_step=128))[..., None], label

    return clips.map(convert, tf.data.AUTOTUNE)


def main(data: str, epochs: int) -> None:
    """Train, then print seconds and accuracy as JSON."""
    keras.utils.set_random_seed(0)
    began = time.perf_counter()
    train, labels = dataset(f"{data}/train", shuffle=True)
    validation, _ = dataset(f"{data}/validation", shuffle=False)
    train = spectrograms(train).cache().shuffle(10_000).prefetch(tf.data.AUTOTUNE)
    validation = spectrograms(validation).cache().prefetch(tf.data.AUTOTUNE)
    normalise = layers.Normalization()
    normalise.adapt(train.map(lambda image, label: image))
    model = keras.Sequential(
        [
            layers.Input(shape=next(iter(train))[0].shape[1:]),
            layers.Resizing(32, 32),
            normalise,
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(labels),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    model.fit(train, validation_data=validation, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - began
    test, _ = dataset(f"{data}/test", shuffle=False)
    accuracy = model.evaluate(spectrograms(test), verbose=0)[1]
    print(json.dumps({"seconds": seconds, "accuracy": float(accuracy)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
