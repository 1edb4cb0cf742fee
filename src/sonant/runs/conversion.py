"""Runs for voice converters: whole speakers in splits, and segments of speakers never heard."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from sonant import training
from sonant.bundle import load_voice_converter
from sonant.data.batches import Share
from sonant.data.cache import decode_manifest
from sonant.data.conversion_config import ConversionConfig
from sonant.data.speaker_batches import SpeakerSplit
from sonant.events import OnEvent
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.runs.outcome import Outcome, outcome
from sonant.tasks.reconstruction import Middles, Reconstruction


def finish(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, given: Manifest, on_event: OnEvent
) -> Outcome:
    """With the distance of the test split's speakers from themselves, where there are some."""
    manifest = fitted.readable.where(split="test")
    if not len(manifest):
        return outcome(fitted, bundle)
    decoded = decode_manifest(manifest, rate_hz=recipe.data.rate_hz, among=given)
    model = load_voice_converter(bundle)
    config, settings = model.front_end.config, recipe.conversion or ConversionConfig()
    segments = Middles(
        SpeakerSplit.of(manifest, decoded.store, "test"),
        (settings.segment_frames - 1) * config.hop_length,
    )
    sums = segments.score(
        model,
        Reconstruction(config, rate_hz=recipe.data.rate_hz),
        share=Share(),
        device=torch.device("cpu"),
        precision=torch.float32,
    )
    figures = {"test_loss": sums["loss"] / sums["clips"]}
    about = {**figures, "clips": sums["clips"], "speakers": segments.split.count}
    fitted.folder.write_text(fitted.folder.evaluation, json.dumps(about, indent=2) + "\n")
    return outcome(fitted, bundle, tested=figures)
