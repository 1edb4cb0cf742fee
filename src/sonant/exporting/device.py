"""A wake word for a device that brings its own front end, held to the model on real audio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.errors import ExportError
from sonant.export.esphome import FEATURES, WakeWord, export_esphome
from sonant.export.translate_libraries import litert
from sonant.exporting.forms import Made, Report
from sonant.nn.frontend_config import MicroConfig
from sonant.runtime.decision import BACKGROUND

CORRELATION = 0.9
"""Between the bytes of the device and the probabilities of the model, at least."""
LEVELS = 256
"""Of an unsigned byte."""


def device(made: Made, word: WakeWord, *, labels: Sequence[str]) -> Report:
    """Write the file and its manifest beside `made.path`; raises `ExportError` where they cannot be."""
    config = made.model.front_end.config
    if not isinstance(config, MicroConfig) or config.normalise != "none" or config.pre_emphasis:
        raise ExportError(
            "ESPHome has the micro front end and nothing behind it: train with "
            "front_end.name=micro, without normalise and pre_emphasis"
        )
    label = _keyword(labels)
    calibration = torch.from_numpy(made.heard(made.material.streams))
    written = export_esphome(
        made.streaming.network,
        made.path.parent,
        name=made.path.stem,
        word=word,
        features=calibration,
        label=label,
    )
    features = made.heard(made.material.long[None])
    given = _answers(made, features[0])
    with torch.no_grad():
        logits = made.streaming.network.eval()(_whole_hops(made, features))
    wanted = torch.softmax(logits, 1)[0, label].numpy()[: len(given)]
    apart = np.abs(given - wanted)
    correlation = float(np.corrcoef(given, wanted)[0, 1])
    if not correlation >= CORRELATION:
        raise ExportError(
            f"{made.path.name}: what the device would say is not what the model says (correlation "
            f"{correlation:.3f}, wanted: {CORRELATION:g}); calibrate on more clips with --data"
        )
    return {
        "max_difference": float(apart.max()),
        "mean_difference": float(apart.mean()),
        "agreement": float(((given >= 0.5) == (wanted >= 0.5)).mean()),
        "correlation": correlation,
        "operators": list(written.operators),
        "arena_bytes": written.arena_bytes,
    }


def _keyword(labels: Sequence[str]) -> int:
    words = [number for number, label in enumerate(labels) if label not in BACKGROUND]
    if len(labels) != 2 or len(words) != 1:
        raise ExportError(
            f"a wake word has two labels, itself and one of {', '.join(BACKGROUND)}; the bundle has "
            f"{', '.join(labels)}"
        )
    return words[0]


def _whole_hops(made: Made, features: NDArray[np.float32]) -> torch.Tensor:
    hop = int(made.streaming.network.hop)
    return torch.from_numpy(features[..., : features.shape[-1] // hop * hop])


def _answers(made: Made, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the device says to features [bins, frames], as it counts them, in [0, 1]."""
    interpreter: Any = litert("running a .tflite file").Interpreter(
        model_path=str(made.path), num_threads=1
    )
    interpreter.allocate_tensors()
    (before,), (after,) = interpreter.get_input_details(), interpreter.get_output_details()
    frames = int(before["shape"][1])
    step = FEATURES[1] / (LEVELS - 1)
    counted = np.clip(np.round(features.T / step) - LEVELS // 2, -LEVELS // 2, LEVELS // 2 - 1)
    answers = []
    for at in range(0, len(counted) - frames + 1, frames):
        interpreter.set_tensor(before["index"], counted[None, at : at + frames].astype(np.int8))
        interpreter.invoke()
        answers.append(float(interpreter.get_tensor(after["index"]).ravel()[0]) / LEVELS)
    return np.array(answers)
