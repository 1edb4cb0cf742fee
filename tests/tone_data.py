"""A bundle that hears tones whole and as a stream, and clips of them with splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bundles import RATE_HZ, SAMPLES
from sonant.card import Card
from sonant.card.revision import revise
from sonant.export.onnx import export_whole
from sonant.manifest import Item, Manifest
from tone_stream import DELAY, HOP, spoken, tone_stream, write_stream

WORDS = ("high", "low", "mid")


class Last(nn.Module):
    """The stream's answer to a clip: that of its last frame."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = tone_stream()

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, samples] -> logits [batch, labels]."""
        padded = F.pad(samples, (-(SAMPLES + DELAY) % HOP, DELAY)).unsqueeze(1)
        with torch.no_grad():
            logits: Tensor = self.stream(padded)
        return logits[..., -1]


def write_tones(root: Path, **changes: Any) -> Path:
    """The folder of a bundle with both graphs, which agree."""
    card = Card.read(write_stream(root, hops=None))
    whole = root / "whole.onnx"
    export_whole(Last(), whole, samples=SAMPLES)
    recipe = {"name": "stream", "seed": 1, "data": {"pad": "end", "crop": "start"}}
    return revise(card, files={"graphs/whole.onnx": whole}, changes={"recipe": recipe, **changes})


def write_manifest(folder: Path, *, each: int = 2) -> Manifest:
    """Clips of one second with a tone at their end, `each` of a word in validation and in test."""
    items = []
    for split in ("train", "validation", "test"):
        for word in WORDS:
            for number in range(each):
                path = folder / split / f"{word}{number}.wav"
                write_long(path, ("_silence_", word))
                items.append(Item(path=path, label=word, split=split))
    return Manifest(items=tuple(items), name="tones")


def write_long(path: Path, labels: tuple[str, ...], *, seconds: float = 0.5) -> Path:
    """Tones and silence one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, spoken(*labels, seconds=seconds), RATE_HZ)
    return path


def write_hiss(path: Path) -> Path:
    """Noise without a tone in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hiss = np.random.default_rng(0).normal(0, 0.01, 4 * RATE_HZ)
    soundfile.write(path, hiss, RATE_HZ)
    return path
