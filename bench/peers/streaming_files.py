"""Writes what bench/stream.py runs: a bundle with both graphs, and the .tflite files; untrained.

    streaming_files.py FOLDER bundle RECIPE [key=value ...]
    streaming_files.py FOLDER tflite

A file that cannot be written leaves its reason in `<name>.skipped`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant import bundle
from sonant.card import Card
from sonant.errors import SonantError
from sonant.export import tflite
from sonant.models.classifier import StreamingClassifier
from sonant.nn.streaming import named_leaves
from sonant.nn.summary import summarise
from sonant.recipe import Recipe

LABELS = (
    "down",
    "go",
    "left",
    "no",
    "off",
    "on",
    "right",
    "stop",
    "up",
    "yes",
    "_silence_",
    "_unknown_",
)
FRONT_END = "stream.layers.0"


def sound(streams: int, seconds: float, *, rate_hz: int) -> NDArray[np.float32]:
    """Noise that comes and goes a few times a second, as speech does, [streams, samples]."""
    draw = np.random.default_rng(0)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    loud = 0.02 + 0.2 * np.abs(np.sin(2 * np.pi * draw.uniform(1, 4, (streams, 1)) * time_s))
    noise = loud * draw.standard_normal((streams, len(time_s)))
    quiet: NDArray[np.float32] = noise.astype(np.float32)
    return quiet


def write_bundle(folder: Path, recipe: Recipe) -> None:
    """The bundle, the sound that all contenders hear, and what the network is."""
    torch.manual_seed(0)
    rate_hz, samples = recipe.data.rate_hz, recipe.data.samples
    model = bundle.build_classifier(recipe, LABELS).eval()
    if not isinstance(model, StreamingClassifier):
        raise SystemExit(f"{recipe.name} does not stream; take a recipe that does")
    heard = sound(8, 12.0, rate_hz=rate_hz)
    clips = torch.from_numpy(heard[:, :samples])
    model.front_end.adapt([clips.unsqueeze(1)])
    summary = summarise(model, clips[:1], clip_s=samples / rate_hz)
    made = bundle.save(
        bundle.Contents(
            recipe=recipe,
            labels=LABELS,
            model=model,
            clips=heard[:, :samples],
            parameters=summary.parameters,
            macs_per_second=summary.macs_per_second,
        ),
        folder,
    )
    np.save(folder / "sound.npy", heard)
    card = Card.read(made)
    stream = card.graphs["stream"].stream
    assert stream is not None
    named = named_leaves(model.stream.initial_state(clips[:1, None]))
    facts = {
        "bundle": str(made),
        "recipe": recipe.to_dict(),
        "parameters": summary.parameters,
        "rate_hz": rate_hz,
        "samples": samples,
        "hop": stream.hop,
        "labels": len(LABELS),
        "states": sum(1 for leaf in named.values() if leaf.numel()),
        "macs_per_step": stream.macs_per_second * stream.hop / rate_hz,
        "state_bytes": stream.bytes,
    }
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def write_tflite(folder: Path) -> None:
    """Float and 8-bit, states outside and inside, and the whole clip."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    model = bundle.load_classifier(Path(facts["bundle"]))
    assert isinstance(model, StreamingClassifier)
    heard = torch.from_numpy(np.load(folder / "sound.npy"))
    places: tuple[tflite.States, ...] = ("outside", "inside")
    for states in places:
        for kind, calibration in (("float", None), ("int8", heard)):
            name = f"sonant-{kind}-{states}"
            try:
                tflite.export_stream(
                    model.stream, folder / f"{name}.tflite", states=states,
                    calibration=calibration, float_layers=(FRONT_END,),
                )  # fmt: skip
            except SonantError as error:
                (folder / f"{name}.skipped").write_text(str(error), encoding="utf-8")
    try:
        tflite.export_whole(model, folder / "sonant-float-whole.tflite", shape=(facts["samples"],))
    except SonantError as error:
        (folder / "sonant-float-whole.skipped").write_text(str(error), encoding="utf-8")


def main(folder: Path, what: str, *more: str) -> None:
    """Write one kind of files."""
    torch.set_num_threads(1)
    if what == "bundle":
        write_bundle(folder, Recipe.load(more[0], more[1:]))
    else:
        write_tflite(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
