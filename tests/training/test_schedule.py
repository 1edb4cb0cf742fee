"""Learning rates follow from the step alone."""

from __future__ import annotations

import pytest

from sonant.recipe import FitConfig, ScheduleConfig
from sonant.training.schedule import rate_at

PER_EPOCH = 10


def rates(schedule: ScheduleConfig, *, steps: range, epochs: int = 10) -> list[float]:
    fit = FitConfig(learning_rate=1.0, epochs=epochs, schedule=schedule)
    return [rate_at(fit, step=step, steps_per_epoch=PER_EPOCH) for step in steps]


def test_constant_stays() -> None:
    assert set(rates(ScheduleConfig(), steps=range(100))) == {1.0}


def test_step_decays_every_so_many_epochs() -> None:
    schedule = ScheduleConfig(kind="step", step_epochs=2, gamma=0.1)
    assert rates(schedule, steps=range(0, 60, 10)) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_multi_step_decays_after_each_milestone() -> None:
    schedule = ScheduleConfig(kind="multi_step", milestones=(1, 3), gamma=0.5)
    assert rates(schedule, steps=range(0, 50, 10)) == pytest.approx([1, 0.5, 0.5, 0.25, 0.25])


def test_cosine_goes_from_all_to_the_final_share() -> None:
    schedule = ScheduleConfig(kind="cosine", final=0.2)
    first, middle, last = rates(schedule, steps=range(0, 101, 50))
    assert (first, middle, last) == pytest.approx((1.0, 0.6, 0.2))


def test_piecewise_holds_each_rate_for_its_steps_and_the_last_for_ever() -> None:
    schedule = ScheduleConfig(kind="piecewise", rates=(0.5, 0.1, 0.02), steps=(2, 2, 2))
    assert rates(schedule, steps=range(8)) == [0.5, 0.5, 0.1, 0.1, 0.02, 0.02, 0.02, 0.02]


def test_linear_and_exponential_glide_between_the_rates() -> None:
    linear = ScheduleConfig(kind="linear", rates=(1.0, 0.0), steps=(4, 4))
    assert rates(linear, steps=range(6)) == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])
    exponential = ScheduleConfig(kind="exponential", rates=(1.0, 0.01), steps=(2, 2))
    assert rates(exponential, steps=range(3)) == pytest.approx([1, 0.1, 0.01])


def test_warm_up_rises_to_the_rate_and_lets_go() -> None:
    schedule = ScheduleConfig(warmup_steps=4)
    assert rates(schedule, steps=range(6)) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
