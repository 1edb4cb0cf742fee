"""A training of a voice converter."""

from __future__ import annotations

from pathlib import Path

import torch

from sonant.bundle import build_voice_converter, load_embedder
from sonant.data.cache import Decoded
from sonant.data.conversion_config import ConversionConfig
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent
from sonant.models.embedder import SpeakerEmbedder
from sonant.nn.summary import summarise
from sonant.recipe import Recipe
from sonant.tasks.conversion import ConversionTask
from sonant.training.distributed import World
from sonant.training.problems.given import Problem, place, precision
from sonant.training.transfer import inherit


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    model = build_voice_converter(recipe)
    if recipe.parent:
        inherit(model, recipe, ())
        on_event(Note(f"begins with the weights of {recipe.parent}"))
    task = ConversionTask(
        recipe,
        decoded.manifest,
        decoded.store,
        judge=_judge(recipe),
        share=world.share,
        device=world.device,
        precision=precision(recipe.fit.precision, world.device),
    )
    on_event(Note(task.describe()))
    summary = summarise(
        model, torch.zeros(1, 1, recipe.data.samples), clip_s=recipe.data.duration_s
    )
    place(model, world)
    return Problem(model, task, summary)


def _judge(recipe: Recipe) -> SpeakerEmbedder | None:
    """The model of `conversion.speaker`, where there is one."""
    settings = recipe.conversion or ConversionConfig()
    if not settings.speaker:
        return None
    judge = load_embedder(Path(settings.speaker))
    if judge.rate_hz != recipe.data.rate_hz:
        raise RecipeError(
            f"conversion.speaker: {settings.speaker} hears {judge.rate_hz} Hz, and data.rate_hz is "
            f"{recipe.data.rate_hz}; take a bundle of that rate"
        )
    return judge
