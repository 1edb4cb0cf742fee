"""What all contenders serve and hear: a bundle, clips, and what the graph says of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from sonant.card import Card, find

WRITER = Path(__file__).parent / "untrained.py"
CLIPS = 8
NETWORK = (
    "ds-tc-resnet",
    "name=ds-tc-resnet-40k",
    "model.filters=88,48,48,48,88,88",
    "front_end.mels=40",
    "front_end.hop_length=320",
    "front_end.normalise=none",
)
"""That of bench/stream.py: 39,924 parameters, a step every 20 ms."""


def prepare(folder: Path, *, bundle: Path | None, network: Sequence[str]) -> dict[str, Any]:
    """Write bundle, clips and answers into `folder`; returns the facts, which are in facts.json as well.

    `bundle` is served as it is; without one, the recipe and settings of `network` are, untrained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = Card.read(find(bundle) if bundle else _untrained(folder, network))
    # The server calls a model by its folder, whatever a copy of it was called.
    home = folder / "served" / found.name / str(found.version)
    card = Card.read(Path(shutil.copytree(found.path, home, dirs_exist_ok=True)))
    clips = _sound(card.audio.samples, rate_hz=card.audio.rate_hz)
    np.save(folder / "clips.npy", clips)
    graph = card.file(card.graphs["whole"].file)
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    (answers,) = session.run(["probabilities"], {"samples": clips.astype(np.float32) / 32768})
    stream = card.graphs["stream"].stream if "stream" in card.graphs else None
    facts = {
        "bundle": str(card.path),
        "graph": str(graph),
        "name": card.name,
        "labels": list(card.labels),
        "rate_hz": card.audio.rate_hz,
        "samples": card.audio.samples,
        "parameters": card.model.parameters,
        "hop_s": stream.hop / card.audio.rate_hz if stream else 0.0,
        "answers": answers.tolist(),
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    return facts


def _untrained(folder: Path, network: Sequence[str]) -> Path:
    done = subprocess.run(
        [sys.executable, str(WRITER), str(folder / "untrained"), *network],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return Path(done.stdout.strip().splitlines()[-1])


def _sound(samples: int, *, rate_hz: int) -> Any:
    """Noise that comes and goes a few times a second, as 16-bit PCM [clips, samples]."""
    draw = np.random.default_rng(0)
    time_s = np.arange(samples) / rate_hz
    loud = 0.02 + 0.2 * np.abs(np.sin(2 * np.pi * draw.uniform(1, 4, (CLIPS, 1)) * time_s))
    noise = loud * draw.standard_normal((CLIPS, samples))
    return (32767 * np.clip(noise, -1, 1)).astype(np.int16)
