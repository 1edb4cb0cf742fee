"""A training of a spoof detector."""

from __future__ import annotations

import torch

from sonant.bundle import build_spoof_detector
from sonant.data.cache import Decoded
from sonant.data.spoofing_config import SpoofingConfig
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent
from sonant.models.detectors import DetectorConfig
from sonant.nn.spoof_losses_config import OneClassConfig
from sonant.nn.summary import summarise
from sonant.recipe import Recipe
from sonant.tasks.spoofing import SpoofingTask
from sonant.training.distributed import World
from sonant.training.problems.given import Problem, place, precision
from sonant.training.transfer import inherit


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    _require_head(recipe)
    model = build_spoof_detector(recipe)
    if recipe.parent:
        inherit(model, recipe, ())
        on_event(Note(f"begins with the weights of {recipe.parent}"))
    task = SpoofingTask(
        recipe,
        decoded.manifest,
        decoded.store,
        share=world.share,
        device=world.device,
        precision=precision(recipe.fit.precision, world.device),
    )
    on_event(Note(task.describe()))
    summary = summarise(model, torch.zeros(1, recipe.data.samples), clip_s=recipe.data.duration_s)
    place(model, world)
    return Problem(model, task, summary)


def _require_head(recipe: Recipe) -> None:
    """A loss of cosines wants a head that gives them, and a head of cosines such a loss."""
    settings = recipe.spoofing or SpoofingConfig()
    assert isinstance(recipe.model, DetectorConfig), "a recipe holds what its task allows"
    wanted = "cosine" if isinstance(settings.loss, OneClassConfig) else "linear"
    if recipe.model.head != wanted:
        raise RecipeError(
            f"model.head: is {recipe.model.head!r}, and the loss of spoofing.loss wants {wanted!r}; change "
            "one of the two"
        )
