"""A training of a model of words."""

from __future__ import annotations

from pathlib import Path

import torch

from sonant.bundle import build_classifier
from sonant.data.cache import Decoded
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent
from sonant.models.classifier import StreamingClassifier
from sonant.models.pretrained import load_pretrained
from sonant.nn.summary import summarise
from sonant.recipe import Recipe
from sonant.tasks.keywords import KeywordTask
from sonant.training.distributed import World
from sonant.training.problems.given import Problem, place, precision
from sonant.training.transfer import inherit, vocabulary


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    labels = vocabulary(recipe, decoded.manifest.labels)
    model = build_classifier(recipe, labels)
    if recipe.augment.context_ms and not isinstance(model, StreamingClassifier):
        raise RecipeError(
            "augment.context_ms: only a network that streams hears what came before a clip; set it "
            "to 0, or take a network and a front end that stream (`sonant recipes` names them)"
        )
    pretrained = getattr(recipe.model, "pretrained", "")
    if pretrained:
        load_pretrained(model.network, Path(pretrained))
    if recipe.parent:
        new = inherit(model, recipe, labels)
        on_event(Note(f"begins with the weights of {recipe.parent}; {new} labels are new to it"))
    task = KeywordTask(
        recipe,
        decoded.manifest,
        decoded.store,
        labels=labels,
        share=world.share,
        device=world.device,
        precision=precision(recipe.fit.precision, world.device),
    )
    summary = summarise(model, torch.zeros(1, recipe.data.samples), clip_s=recipe.data.duration_s)
    place(model, world)
    if model.front_end.config.normalise != "none" and not recipe.parent:
        on_event(Note("learning the features' statistics from the training split"))
        model.front_end.adapt(task.adaptation())
    return Problem(model, task, summary)
