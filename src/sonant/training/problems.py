"""What a recipe's task means for a training: the model, what it is asked, and what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from sonant.bundle import Model, build_classifier, build_speaker_model
from sonant.data.cache import Decoded
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent
from sonant.models.classifier import StreamingClassifier
from sonant.models.pretrained import load_pretrained
from sonant.nn.losses_config import TripletConfig
from sonant.nn.summary import Summary, summarise
from sonant.recipe import Recipe
from sonant.tasks import Task
from sonant.tasks.keywords import KeywordTask
from sonant.tasks.speakers import SpeakerTask
from sonant.training.distributed import World
from sonant.training.transfer import inherit, vocabulary


class Problem(NamedTuple):
    """What the loop is given."""

    model: Model
    """On its device, with the weights that the training begins with."""
    task: Task
    summary: Summary


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    make = _speakers if recipe.task == "speakers" else _keywords
    return make(recipe, decoded, world, on_event)


def _keywords(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
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
        precision=_precision(recipe.fit.precision, world.device),
    )
    summary = summarise(model, torch.zeros(1, recipe.data.samples), clip_s=recipe.data.duration_s)
    _place(model, world)
    if model.front_end.config.normalise != "none" and not recipe.parent:
        on_event(Note("learning the features' statistics from the training split"))
        model.front_end.adapt(task.adaptation())
    return Problem(model, task, summary)


def _speakers(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
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
        precision=_precision(recipe.fit.precision, world.device),
    )
    on_event(Note(task.describe()))
    summary = summarise(
        model, torch.zeros(1, 1, recipe.data.samples), clip_s=recipe.data.duration_s
    )
    _place(model, world)
    if recipe.parent:
        task.begin_at(model)
    return Problem(model, task, summary)


def _place(model: Model, world: World) -> None:
    model.to(world.device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _precision(wanted: str, device: torch.device) -> torch.dtype:
    if wanted == "auto":
        native = (
            torch.cuda.is_bf16_supported()
            if device.type == "cuda"
            else torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if wanted == "bf16" else torch.float32
