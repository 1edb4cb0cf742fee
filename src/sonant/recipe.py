"""A Recipe says what to train: a tree of frozen dataclasses read from TOML, strict about every key."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self

import tomli_w

from sonant import shipped as package
from sonant import strict
from sonant.data.augment_config import AugmentConfig
from sonant.data.preparation import DataConfig
from sonant.data.speaker_config import SpeakerConfig
from sonant.errors import RecipeError
from sonant.models import MODELS, ModelConfig
from sonant.models.embedders import EMBEDDERS, EmbedderConfig
from sonant.nn.frontend import FRONT_ENDS, FrontEndConfig
from sonant.nn.losses_config import LOSSES, LossConfig
from sonant.nn.utterance_config import UTTERANCES, UtteranceFeatures

SHIPPED: Final = package.FOLDER
DEFAULT: Final = package.DEFAULT

PLACES: Final = (("augment", "noise"), ("augment", "rir"), ("data", "words", "noise"))
"""Settings that name a file or folder."""

TABLES: Final[strict.Tables] = {
    ModelConfig | EmbedderConfig: {
        name: config for name, (config, _) in (*MODELS.items(), *EMBEDDERS.items())
    },
    FrontEndConfig | UtteranceFeatures: {**FRONT_ENDS, **UTTERANCES},
    LossConfig: LOSSES,
}


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
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """The rule of a step."""
    learning_rate: float = 1e-3
    """The first rate; staged schedules bring their own."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay of its two means."""
    epsilon: float = 1e-7
    """Adam's denominator floor."""
    momentum: float = 0.9
    """For sgd."""
    weight_decay: float = 0.0
    """L2 for adam and sgd, decoupled for adamw."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    """How the rate changes."""
    patience: int = 0
    """Stop after so many epochs without a better one; 0 never stops early."""
    monitor: Literal["accuracy", "loss", "eer"] = "accuracy"
    """What makes an epoch better, on the validation split; the equal error rate is for speakers."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to train."""

    name: str
    """Names the bundle."""
    about: str = ""
    """One line for `sonant recipes`."""
    task: Literal["keywords", "speakers"] = "keywords"
    """Which problem it is: what is said, or by whom."""
    front_end: FrontEndConfig | UtteranceFeatures
    """Samples to features."""
    model: ModelConfig | EmbedderConfig
    """Features to logits, or for speakers to an embedding."""
    speaker: SpeakerConfig | None = None
    """What only the training of a speaker model has; none for other tasks."""
    data: DataConfig = field(default_factory=DataConfig)
    """What a clip is."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How training clips are varied."""
    fit: FitConfig = field(default_factory=FitConfig)
    """How the weights are found."""
    seed: int = 0
    """Of everything random."""
    exports: tuple[str, ...] = ()
    """Forms to make of the bundle, as in tflite-stream-int8; each is tried before the first epoch."""
    parent: str = ""
    """A bundle whose weights the training begins with; empty begins with fresh ones."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise RecipeError(
                f"name: {self.name!r} cannot name a folder; use letters, digits, dots and dashes"
            )
        if self.seed < 0:
            raise RecipeError(f"seed: {self.seed} is below 0")
        if self.task == "speakers" and self.speaker is None:
            object.__setattr__(self, "speaker", SpeakerConfig())  # written out like every default
        _require_one_task(self)

    @classmethod
    def load(cls, source: Path | str, overrides: Sequence[str] = ()) -> Self:
        """Read a shipped recipe by name or any by path; an override is `fit.epochs=5`, its value TOML.

        A noise or room path that exists beside the file is taken from there, any other from the
        working folder.
        """
        path = find(source)
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: is not TOML ({error})") from error
        _beside(tree, path.parent)
        return cls.from_dict(tree, overrides)

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any], overrides: Sequence[str] = ()) -> Self:
        """Build from plain tables; raises `RecipeError` naming the key that is wrong."""
        if overrides:
            tree = changed = deepcopy(dict(tree))
            for override in overrides:
                strict.override(changed, override)
        recipe: Self = strict.build(cls, tree, "recipe", tables=TABLES)
        return recipe

    def to_dict(self) -> dict[str, Any]:
        """Plain tables; `from_dict` of them is this recipe again."""
        tree: dict[str, Any] = strict.plain(self, tables=TABLES)
        return tree

    def to_toml(self) -> str:
        """The recipe with every default written out."""
        return tomli_w.dumps(self.to_dict())

    @property
    def digest(self) -> str:
        """Names the experiment: equal recipes have equal digests."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _require_one_task(recipe: Recipe) -> None:
    """Raise `RecipeError` for settings that the task has no use for: they would be ignored in silence."""
    speakers, fit = recipe.task == "speakers", recipe.fit
    kinds: dict[str, Any] = {
        "front_end": UtteranceFeatures,
        "model": EmbedderConfig,
        "speaker": SpeakerConfig,
    }
    for part, kind in kinds.items():
        if isinstance(getattr(recipe, part), kind) != speakers:
            other = "keywords" if speakers else "speakers"
            raise RecipeError(f"{part}: is for task = {other!r}, and this one is {recipe.task!r}")
    if fit.monitor == ("accuracy" if speakers else "eer"):
        raise RecipeError(
            f"fit.monitor: {fit.monitor!r} is nothing that {recipe.task} are validated by; "
            f"set {'eer' if speakers else 'accuracy'} or loss"
        )
    if not speakers or recipe.speaker is None:
        return
    if fit.batch % recipe.speaker.together:
        raise RecipeError(
            f"fit.batch: {fit.batch} crops are no multiple of speaker.together = "
            f"{recipe.speaker.together}"
        )
    unused = {
        "augment.mixup_alpha": recipe.augment.mixup_alpha,
        "augment.context_ms": recipe.augment.context_ms,
        "data.words.wanted": recipe.data.words.wanted,
        "fit.class_weights": fit.class_weights != "none",
        "fit.label_smoothing": fit.label_smoothing,
        "exports": recipe.exports,
    }
    for name in (name for name, given in unused.items() if given):
        raise RecipeError(f"{name}: is not for speakers; leave it out")


def shipped() -> tuple[str, ...]:
    """Names of the recipes in the package, sorted."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def find(source: Path | str) -> Path:
    """The file of a recipe: an existing path, or the name of a shipped one."""
    path = Path(source)
    if path.is_file():
        return path
    inside = SHIPPED / f"{source}.toml"
    if str(source) in shipped():
        return inside
    near = get_close_matches(str(source), shipped(), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise RecipeError(
        f"{source}: neither a file nor a shipped recipe{hint}; shipped: {', '.join(shipped())}"
    )


def _beside(tree: dict[str, Any], folder: Path) -> None:
    """Paths that exist in the recipe's own folder, made absolute."""
    for *parents, last in PLACES:
        node: Any = tree
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        named = node.get(last) if isinstance(node, dict) else None
        if isinstance(named, str) and named and (folder / named).exists():
            node[last] = os.path.abspath(folder / named)
