"""What `sonant train` says to do next fits what was trained."""

from __future__ import annotations

from sonant.cli.train import NEXT
from sonant.recipe.one_task import TASKS


def test_every_task_has_a_next_step_that_names_its_bundle() -> None:
    assert NEXT.keys() == TASKS.keys()
    for command, why in NEXT.values():
        assert command.startswith("sonant ")
        assert "{bundle}" in command
        assert why
