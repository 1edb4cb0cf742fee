"""Learning rates: a pure function of the step, so that a resumed run needs no memory of them."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate

from sonant.recipe import FitConfig, ScheduleConfig


def rate_at(fit: FitConfig, *, step: int, steps_per_epoch: int) -> float:
    """The learning rate of optimiser step `step`, counted from 0 over the whole run."""
    schedule = fit.schedule
    rate = _base(fit, step=step, steps_per_epoch=steps_per_epoch)
    if step < schedule.warmup_steps:
        rate *= (step + 1) / schedule.warmup_steps
    return rate


def _base(fit: FitConfig, *, step: int, steps_per_epoch: int) -> float:
    schedule, epoch = fit.schedule, step // steps_per_epoch
    match schedule.kind:
        case "constant":
            return fit.learning_rate
        case "step":
            return fit.learning_rate * float(schedule.gamma ** (epoch // schedule.step_epochs))
        case "multi_step":
            passed = bisect_right(schedule.milestones, epoch)
            return fit.learning_rate * float(schedule.gamma**passed)
        case "cosine":
            total = max(1, fit.epochs * steps_per_epoch - schedule.warmup_steps)
            done = min(max(step - schedule.warmup_steps, 0), total) / total
            share = schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * done))
            return fit.learning_rate * share
        case "piecewise" | "linear" | "exponential":
            return _staged(schedule, step)


def _staged(schedule: ScheduleConfig, step: int) -> float:
    """Stage `i` lasts `steps[i]` steps; gliding kinds reach the next stage's rate at its end."""
    ends = list(accumulate(schedule.steps))
    stage = min(bisect_right(ends, step), len(ends) - 1)
    here = schedule.rates[stage]
    if schedule.kind == "piecewise" or stage + 1 >= len(schedule.rates):
        return here
    there = schedule.rates[stage + 1]
    done = (step - (ends[stage] - schedule.steps[stage])) / schedule.steps[stage]
    if schedule.kind == "linear":
        return here + (there - here) * done
    return here * float((there / here) ** done)
