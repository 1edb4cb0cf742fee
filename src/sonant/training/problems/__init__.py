"""What a recipe's task means for a training: the model, what it is asked, and what it is made of.

A new task is a file that makes a `Problem`, and a row in `MAKERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sonant.data.cache import Decoded
from sonant.events import OnEvent
from sonant.recipe import Recipe
from sonant.recipe.one_task import TaskName
from sonant.training.distributed import World
from sonant.training.problems import conversion, keywords, speakers, spoofing
from sonant.training.problems.given import Problem

__all__ = ["MAKERS", "Problem", "problem"]

MAKERS: Final[dict[TaskName, Callable[[Recipe, Decoded, World, OnEvent], Problem]]] = {
    "keywords": keywords.problem,
    "speakers": speakers.problem,
    "conversion": conversion.problem,
    "spoofing": spoofing.problem,
}
"""Who makes the problem of a task."""


def problem(recipe: Recipe, decoded: Decoded, world: World, on_event: OnEvent) -> Problem:
    """Model and task of a recipe; raises a `SonantError` where recipe and data do not fit."""
    return MAKERS[recipe.task](recipe, decoded, world, on_event)
