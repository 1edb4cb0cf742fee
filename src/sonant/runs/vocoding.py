"""Runs for vocoders: recordings in splits, and how near those never heard are made anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from sonant import training
from sonant.audio import from_pcm16
from sonant.bundle import load_vocoder, versions
from sonant.data import segments
from sonant.data.cache import decode_manifest
from sonant.data.vocoding_config import VocodingConfig
from sonant.events import Note, OnEvent
from sonant.manifest import Manifest
from sonant.models.vocoders import Vocoder
from sonant.recipe import Recipe
from sonant.report import vocoding as page
from sonant.runs.outcome import Outcome, outcome
from sonant.tasks.vocoding import Distances, judged, middle

HEARD: Final = 4
"""Recordings that the page has players for."""


def prepare(recipe: Recipe, given: Manifest, on_event: OnEvent) -> Manifest:
    """The recordings in their splits; no speaker in two of them where speakers are known."""
    manifest = segments.prepare(recipe.data, given, seed=recipe.seed)
    counts = {split: len(manifest.where(split=split)) for split in manifest.splits}
    parts = ", ".join(f"{count} {split}" for split, count in counts.items())
    on_event(Note(f"{manifest.name}: {parts} recordings ({manifest.origin})"))
    return manifest


def finish(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, given: Manifest, on_event: OnEvent
) -> Outcome:
    """With distances on the test split, or on validation where there is none, and a page to listen to."""
    there = fitted.readable.splits
    split = next((name for name in ("test", "validation") if name in there), "train")
    manifest = fitted.readable.where(split=split)
    decoded = decode_manifest(manifest, rate_hz=recipe.data.rate_hz, among=given)
    model, settings = load_vocoder(bundle), recipe.vocoding or VocodingConfig()
    samples = round(settings.validation_s * recipe.data.rate_hz)
    lengths = decoded.store.lengths
    manifest = manifest.with_items(
        item for item, length in zip(manifest, lengths, strict=True) if length
    )
    clips = [
        middle(decoded.store.clip(number), samples) for number in np.flatnonzero(lengths).tolist()
    ]
    distances = Distances(settings, model.front_end)
    found = judged(distances, model, clips, device=torch.device("cpu"))
    figures = {f"{split}_{name}": value for name, value in found.items()}
    about = {**figures, "split": split, "recordings": len(clips)}
    fitted.folder.write_text(fitted.folder.evaluation, json.dumps(about, indent=2) + "\n")
    html = page.render(
        recipe.name,
        figures=figures,
        history=fitted.folder.history(),
        best_epoch=fitted.best_epoch,
        sounds=_sounds(model, clips, [item.path.name for item in manifest]),
        rate_hz=recipe.data.rate_hz,
        recipe=recipe.to_toml(),
        environment=versions(),
        summary=fitted.folder.summary.read_text(),
    )
    fitted.folder.write_text(fitted.folder.report, html)
    return outcome(fitted, bundle, report=fitted.folder.report, tested=figures)


@torch.no_grad()
def _sounds(
    model: Vocoder, recordings: Sequence[NDArray[np.int16]], names: Sequence[str]
) -> list[page.Sound]:
    """The first few recordings and what the vocoder makes of them."""
    found = []
    for name, pcm in list(zip(names, recordings, strict=True))[:HEARD]:
        real = from_pcm16(pcm)
        made = model(torch.from_numpy(real)[None, None])[0, 0].numpy()
        found.append(page.Sound(name, real, made))
    return found
