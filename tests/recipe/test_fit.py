"""How weights are found: schedules that cannot be are refused, defaults are those people expect."""

from __future__ import annotations

import pytest

from sonant.errors import RecipeError
from sonant.recipe import FitConfig, ScheduleConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "piecewise", "rates": (0.1,), "steps": ()}, "1 rates and 0 steps"),
        ({"kind": "multi_step"}, "at least one epoch"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        ScheduleConfig(**settings)  # type: ignore[arg-type]


def test_defaults_are_keras_adam() -> None:
    fit = FitConfig()
    assert (fit.optimizer, fit.learning_rate, fit.epsilon) == ("adam", 1e-3, 1e-7)
