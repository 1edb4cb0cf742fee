"""A network that streams and needs no training: how much of each tone is in the last 25 ms.

It answers every 10 ms, 5 ms late, with the tones of `bundles` and `_silence_`; a tone is known after
a few answers, since their logits are averaged.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bundles import RATE_HZ, TONES_HZ, tone, write_bundle
from sonant.card import Card
from sonant.card.revision import revise
from sonant.export.one_hop import export_one_hop
from sonant.export.onnx import INPUT, OUTPUT
from sonant.export.step import export_step, specification
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Pointwise
from sonant.nn.windows import WindowMean

WINDOW, HOP, DELAY, MEAN = 400, 160, 80, 5
LABELS = (*TONES_HZ, "_silence_")
TONE_LOGIT, SILENCE_LOGIT = 10.0, 5.0


class Energies(nn.Module):
    """[batch, 2 * tones, frames], sines and cosines -> logits [batch, tones + 1, frames]."""

    def forward(self, parts: Tensor) -> Tensor:
        sines, cosines = parts.square().chunk(2, 1)
        silence = torch.full_like(sines[:, :1], SILENCE_LOGIT)
        return torch.cat([sines + cosines, silence], 1)


def tone_stream() -> Chain:
    """Samples [batch, 1, samples] -> logits [batch, labels, frames]."""
    waves = Conv1d(1, 2 * len(TONES_HZ), WINDOW, stride=HOP, lookahead=DELAY, bias=False)
    radians = 2 * np.pi * np.arange(WINDOW) / RATE_HZ
    phases = np.stack([radians * hertz for hertz in TONES_HZ.values()])
    # A tone of amplitude 0.1 has a sum of squares of (0.1 * WINDOW / 2) ** 2.
    scale = TONE_LOGIT**0.5 / (0.1 * WINDOW / 2)
    weights = scale * np.concatenate([np.sin(phases), np.cos(phases)])
    waves.conv.weight.data = torch.from_numpy(weights[:, None].astype(np.float32))
    return Chain(waves, Pointwise(Energies()), WindowMean([len(LABELS)], MEAN)).eval()


def whole(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network itself says of [samples], [frames, labels]."""
    ready = torch.from_numpy(sound[: len(sound) // HOP * HOP].copy())
    with torch.no_grad():
        return tone_stream()(ready[None, None]).softmax(1)[0].T.numpy()


def write_stream(root: Path, *, hops: int | None, short: bool = False, **changes: Any) -> Path:
    """The folder of a bundle with a step graph; `hops` as in `export_step`, `short`: one for a hop too."""
    first = write_bundle(root, name="stream", labels=tuple(TONES_HZ))
    graph = root / "stream.onnx"
    export_step(tone_stream(), graph, hops=hops)
    spec = asdict(specification(tone_stream(), macs_per_second=1e5))
    entry = {
        "file": "graphs/stream.onnx",
        "input": INPUT,
        "output": OUTPUT,
        "max_difference": 1e-6,
        "stream": {**spec, "states": [{**s, "shape": list(s["shape"])} for s in spec["states"]]},
    }
    files, graphs = {"graphs/stream.onnx": graph}, {"stream": entry}
    if short:
        files["graphs/step.onnx"] = root / "step.onnx"
        clips = spoken("high", "low").reshape(2, -1)
        worst = export_one_hop(tone_stream(), files["graphs/step.onnx"], clips)
        graphs["step"] = {**entry, "file": "graphs/step.onnx", "max_difference": worst}
    return revise(
        Card.read(first),
        files=files,
        changes={"labels": list(LABELS), "graphs": graphs, **changes},
    )


def spoken(*labels: str, seconds: float = 0.3) -> NDArray[np.float32]:
    """Tones, and `_silence_`, one after the other, [samples]."""
    parts = [
        np.zeros(round(seconds * RATE_HZ), np.float32)
        if label == "_silence_"
        else tone(label, seconds=seconds)
        for label in labels
    ]
    return np.concatenate(parts)
