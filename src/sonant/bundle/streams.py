"""The step graphs of whatever streams: for steps of any length, and where that is faster for one hop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, entry
from sonant.export import one_hop, step
from sonant.nn.streaming import Streamable
from sonant.nn.summary import summarise


def write_stream(contents: Contents, stream: Streamable, folder: Path) -> dict[str, object]:
    """Write both into a bundle's folder, held to its clips; returns what the card says of them."""
    path, data = folder / "graphs" / "stream.onnx", contents.recipe.data
    gives = step.answer_of(stream).output
    # On whole hops a stream costs what a clip of the same length does, with nothing left over.
    hops = max(1, round(data.samples / int(stream.hop)))
    example = torch.zeros(1, 1, hops * int(stream.hop))
    summary = summarise(stream, example, clip_s=example.shape[-1] / data.rate_hz)
    spec = step.specification(stream, macs_per_second=summary.macs_per_second)
    said: dict[str, object] = {"stream": asdict(spec)}
    fixed = step.export_step(stream, path)
    worst = step.difference(stream, path, contents.clips)
    found: dict[str, object] = {"stream": entry(path, worst, gives=gives) | said}
    short = path.with_name("step.onnx")
    plain = path if fixed == 1 else None
    short_worst = one_hop.export_one_hop(stream, short, contents.clips, plain=plain)
    if short_worst is not None:
        found["step"] = entry(short, short_worst, gives=gives) | said
    return found


def rehearse_stream(stream: Streamable, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write them into a folder, and hold them to `clips`, [clips, samples]."""
    # One hop a step is the least; what takes more is tried when the bundle is written.
    path = scratch / "stream.onnx"
    step.export_step(stream, path, hops=1)
    step.difference(stream, path, clips)
    one_hop.export_one_hop(stream, scratch / "step.onnx", clips, plain=path)
