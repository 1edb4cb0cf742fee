"""A training that begins with the weights of a bundle: fine-tuning, with old or with new labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from safetensors.torch import load_file
from torch import Tensor, nn

from sonant.card import Card, find
from sonant.errors import ModelError, RecipeError
from sonant.recipe import Recipe
from sonant.recipe.one_task import TASKS

SLOWER: Final = 0.1
"""Learning rate of a fine-tuning, as a share of the first training's."""
EPOCHS: Final = 10
"""Epochs of a fine-tuning at most, unless told."""


def tuned(bundle: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that goes on where a bundle's ended: a tenth of its rate, no warm-up, ten epochs at most.

    Overrides come last, so every setting can be changed.
    """
    card = Card.read(find(bundle))
    recipe = Recipe.from_dict(card.recipe)
    gentle = [
        f"fit.learning_rate={recipe.fit.learning_rate * SLOWER}",
        f"fit.epochs={min(EPOCHS, recipe.fit.epochs)}",
        "fit.schedule.warmup_steps=0",
        f"parent='{card.path.resolve()}'",
    ]
    return Recipe.from_dict(card.recipe, [*gentle, *overrides])


def vocabulary(recipe: Recipe, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of the model: those of the data, or the parent's where it knows them all.

    A few own recordings of one word must not make the others be forgotten.
    """
    if not recipe.parent:
        return labels
    known = Card.read(find(Path(recipe.parent))).labels
    return known if set(labels) <= set(known) else labels


def inherit(model: nn.Module, recipe: Recipe, labels: Sequence[str]) -> int:
    """Fill a model with its parent's weights; returns how many labels are new to them.

    Rows of the last layer go by the name of their label; those of new labels stay fresh. Raises
    `RecipeError` where front end or network are not the parent's.
    """
    card = Card.read(find(Path(recipe.parent)))
    _same_network(recipe, Recipe.from_dict(card.recipe))
    given: dict[str, Tensor] = load_file(card.file("weights.safetensors"))
    own = model.state_dict()
    if tuple(labels) != card.labels:
        head = _head(own, labels=len(labels))
        given |= {name: _by_label(own[name], given, name, labels, card.labels) for name in head}
    wrong = [name for name in own if name not in given or given[name].shape != own[name].shape]
    if wrong:
        raise ModelError(
            f"{card.path}: its weights do not fit the model; {len(wrong)} tensors differ, as "
            f"{wrong[0]}; train with the settings of the bundle"
        )
    model.load_state_dict({name: given[name] for name in own})
    return len(set(labels) - set(card.labels))


def _same_network(recipe: Recipe, parent: Recipe) -> None:
    for part in ("front_end", "model"):
        if getattr(recipe, part) != getattr(parent, part):
            raise RecipeError(
                f"{part}: differs from that of the bundle the training begins with; leave it as it "
                f"is there, or train without a bundle"
            )
    if TASKS[recipe.task].any_length and recipe.data.rate_hz == parent.data.rate_hz:
        return
    if (recipe.data.rate_hz, recipe.data.samples) != (parent.data.rate_hz, parent.data.samples):
        raise RecipeError(
            f"data.rate_hz, data.duration_s: the bundle listens to {parent.data.duration_s:g} s at "
            f"{parent.data.rate_hz} Hz, and so must its fine-tuning"
        )


def _head(own: Mapping[str, Tensor], *, labels: int) -> list[str]:
    """Weight and bias of the last layer that gives one value for each label."""
    last = next(name for name in reversed(list(own)) if own[name].shape[:1] == (labels,))
    layer = last.rpartition(".")[0]
    return [name for name in own if name.rpartition(".")[0] == layer]


def _by_label(
    fresh: Tensor,
    given: Mapping[str, Tensor],
    name: str,
    labels: Sequence[str],
    known: Sequence[str],
) -> Tensor:
    rows = fresh.clone()
    for row, label in enumerate(labels):
        if label in known:
            rows[row] = given[name][known.index(label)]
    return rows
