"""How weights are found: the `[fit]` table of a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """How the learning rate changes."""

    kind: Literal[
        "constant", "step", "multi_step", "cosine", "piecewise", "linear", "exponential"
    ] = "constant"
    """`piecewise` holds each of `rates`; `linear` and `exponential` glide from one to the next."""
    warmup_steps: int = 0
    """Steps over which the rate first rises from zero."""
    step_epochs: int = 20
    """`step`: epochs between two decays."""
    milestones: tuple[int, ...] = ()
    """`multi_step`: epochs after which the rate decays."""
    gamma: float = 0.1
    """`step`, `multi_step`: factor of a decay."""
    rates: tuple[float, ...] = ()
    """`piecewise`, `linear`, `exponential`: learning rates, one a stage."""
    steps: tuple[int, ...] = ()
    """`piecewise`, `linear`, `exponential`: optimiser steps, one a stage."""
    final: float = 0.0
    """`cosine`: the rate at the end, as a share of the first."""

    def __post_init__(self) -> None:
        staged = self.kind in ("piecewise", "linear", "exponential")
        if staged and (not self.rates or len(self.rates) != len(self.steps)):
            raise RecipeError(
                f"rates, steps: {self.kind!r} wants one of each a stage, "
                f"got {len(self.rates)} rates and {len(self.steps)} steps"
            )
        if self.step_epochs < 1:
            raise RecipeError(f"step_epochs: {self.step_epochs} is not above 0")
        if list(self.milestones) != sorted(self.milestones):
            raise RecipeError(f"milestones: {list(self.milestones)} do not rise")
        if self.kind == "multi_step" and not self.milestones:
            raise RecipeError("milestones: 'multi_step' wants at least one epoch, as in [10, 15]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How the weights are found."""

    epochs: int = 20
    """Passes over the training split."""
    batch: int = 64
    """Clips in a step, over all processes together."""
    optimizer: Literal["adam", "amsgrad", "adamw", "sgd"] = "adam"
    """The rule of a step; `amsgrad` is Adam that never forgets how large a gradient has been."""
    learning_rate: float = 1e-3
    """The first rate; staged schedules bring their own."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay of its two means."""
    epsilon: float = 1e-7
    """Adam's denominator floor."""
    momentum: float = 0.9
    """For sgd."""
    weight_decay: float = 0.0
    """L2 for adam, amsgrad and sgd, decoupled for adamw."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    """How the rate changes."""
    patience: int = 0
    """Stop after so many epochs without a better one; 0 never stops early."""
    monitor: Literal["accuracy", "loss", "eer"] = "accuracy"
    """What makes an epoch better, on the validation split; each task has its own, and all the loss."""
    clip_norm: float = 0.0
    """Largest norm of the gradient; 0 leaves it."""
    label_smoothing: float = 0.0
    """Share of the target spread over all labels."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs a clip by the rarity of its label."""
    ema_decay: float = 0.0
    """Decay of the running mean of the weights that is evaluated and kept; 0 keeps the weights."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16 where the processor computes it natively, or always, or never."""
    compile: bool = False
    """Compile the network with torch.compile; slow to start, sometimes faster after."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise RecipeError(f"{name}: {getattr(self, name)} is not above 0")
        for name in ("weight_decay", "clip_norm", "patience", "momentum", "epsilon"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RecipeError(f"{name}: {getattr(self, name)} is below 0")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise RecipeError(f"betas: {list(self.betas)} are not both in [0, 1)")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise RecipeError(f"label_smoothing: {self.label_smoothing} is not in [0, 1)")
        if not 0.0 <= self.ema_decay < 1.0:
            raise RecipeError(f"ema_decay: {self.ema_decay} is not in [0, 1)")
