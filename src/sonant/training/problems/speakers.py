"""A training of a model of voices."""

from __future__ import annotations

import torch

from sonant.bundle import build_speaker_model
from sonant.data.cache import Decoded
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent
from sonant.nn.losses_config import TripletConfig
from sonant.nn.summary import summarise
from sonant.recipe import Recipe
from sonant.tasks.speakers import SpeakerTask
from sonant.training.distributed import World
from sonant.training.problems.given import Problem, place, precision
from sonant.training.transfer import inherit


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    if recipe.speaker and isinstance(recipe.speaker.loss, TripletConfig) and not recipe.parent:
        raise RecipeError(
            "speaker.loss: triplets teach a fresh network nothing but to make all voices alike; begin "
            "with a model that was trained with softmax or aam, as in parent=runs/speaker-rescnn"
        )
    model = build_speaker_model(recipe)
    if recipe.parent:
        inherit(model, recipe, ())
        on_event(Note(f"begins with the weights of {recipe.parent}"))
    task = SpeakerTask(
        recipe,
        decoded.manifest,
        decoded.store,
        size=model.size,
        share=world.share,
        device=world.device,
        precision=precision(recipe.fit.precision, world.device),
    )
    on_event(Note(task.describe()))
    summary = summarise(
        model, torch.zeros(1, 1, recipe.data.samples), clip_s=recipe.data.duration_s
    )
    place(model, world)
    if recipe.parent:
        task.begin_at(model)
    return Problem(model, task, summary)
