"""What each task has of its own in a recipe, and that a recipe has nothing of another's.

A new task is a row in `TASKS`, its name in `TaskName`, and its settings in `FrontEndSettings`,
`ModelSettings` and `Recipe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

from sonant.data.augment_config import AugmentConfig
from sonant.data.conversion_config import ConversionConfig
from sonant.data.preparation import DataConfig
from sonant.data.speaker_config import SpeakerConfig
from sonant.data.spoofing_config import SpoofingConfig
from sonant.data.vocoding_config import VocodingConfig
from sonant.errors import RecipeError
from sonant.models import MODELS, ModelConfig
from sonant.models.converters import CONVERTERS, ConverterConfig
from sonant.models.detectors import DETECTORS, DetectorConfig
from sonant.models.embedders import EMBEDDERS, EmbedderConfig
from sonant.models.vocoders import VOCODERS, VocoderConfig
from sonant.nn.frontend import FRONT_ENDS, FrontEndConfig
from sonant.nn.spoof_features_config import SPOOF_FEATURES, SpoofFeatures
from sonant.nn.utterance_config import UTTERANCES, UtteranceFeatures
from sonant.nn.voice_mel_config import VOICES, VoiceMel
from sonant.recipe.fit import FitConfig

TaskName: TypeAlias = Literal["keywords", "speakers", "conversion", "vocoding", "spoofing"]
"""Which problem it is."""

FrontEndSettings: TypeAlias = FrontEndConfig | UtteranceFeatures | VoiceMel | SpoofFeatures
"""The settings of any front end, whatever the task."""

ModelSettings: TypeAlias = (
    ModelConfig | EmbedderConfig | ConverterConfig | VocoderConfig | DetectorConfig
)
"""The settings of any network, whatever the task."""


class Parts(Protocol):
    """A recipe, as far as tasks differ in it."""

    @property
    def task(self) -> TaskName:
        """Which problem it is."""

    @property
    def fit(self) -> FitConfig:
        """How the weights are found."""


Check: TypeAlias = Callable[[Any, FitConfig], None]
"""Raises `RecipeError` where a task's own settings and those of the training do not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a recipe of a task has."""

    front_ends: Mapping[str, type]
    """Settings of front ends by name."""
    models: Mapping[str, type]
    """Settings of networks by name."""
    table: str = ""
    """The part of a recipe that only this task has; empty for none."""
    settings: type | None = None
    """What is in it."""
    check: Check | None = None
    """Whether it fits the rest."""
    monitors: tuple[str, ...]
    """What an epoch can be judged by, the usual first."""
    idle: tuple[str, ...] = ()
    """Settings that do nothing here, so that none is given in vain."""
    any_length: bool = False
    """Whether the model takes clips of any length, so that a fine-tuning may change `data.duration_s`."""


def _configs(table: Mapping[str, tuple[type, type]]) -> dict[str, type]:
    return {name: config for name, (config, _) in table.items()}


def _whole_groups(speaker: SpeakerConfig, fit: FitConfig) -> None:
    if fit.batch % speaker.together:
        raise RecipeError(
            f"fit.batch: {fit.batch} crops are no multiple of speaker.together = {speaker.together}"
        )


ONE_LABEL_A_CLIP: Final = (
    "augment.mixup_alpha",
    "augment.context_ms",
    "data.words.wanted",
    "fit.class_weights",
    "fit.label_smoothing",
    "exports",
)
"""Settings for clips of one length with one label each."""

MASKED_FEATURES: Final = ("augment.time_masks", "augment.freq_masks", "augment.cutouts")
"""Settings that hide parts of the features."""

TASKS: Final[dict[TaskName, Allowed]] = {
    "keywords": Allowed(
        front_ends=FRONT_ENDS, models=_configs(MODELS), monitors=("accuracy", "loss")
    ),
    "speakers": Allowed(
        front_ends=UTTERANCES,
        models=_configs(EMBEDDERS),
        table="speaker",
        settings=SpeakerConfig,
        check=_whole_groups,
        monitors=("eer", "loss"),
        idle=ONE_LABEL_A_CLIP,
        any_length=True,
    ),
    "conversion": Allowed(
        front_ends=VOICES,
        models=_configs(CONVERTERS),
        table="conversion",
        settings=ConversionConfig,
        monitors=("loss",),
        idle=(*ONE_LABEL_A_CLIP, *MASKED_FEATURES),
        any_length=True,
    ),
    "vocoding": Allowed(
        front_ends=VOICES,
        models=_configs(VOCODERS),
        table="vocoding",
        settings=VocodingConfig,
        monitors=("loss",),
        idle=(*ONE_LABEL_A_CLIP, *MASKED_FEATURES),
        any_length=True,
    ),
    "spoofing": Allowed(
        front_ends=SPOOF_FEATURES,
        models=_configs(DETECTORS),
        table="spoofing",
        settings=SpoofingConfig,
        monitors=("eer", "accuracy", "loss"),
        idle=(*ONE_LABEL_A_CLIP, "data.labels"),
    ),
}
"""What each task allows in a recipe."""

_DEFAULTS: Final[dict[str, Any]] = {
    "augment": AugmentConfig(),
    "data": DataConfig(),
    "fit": FitConfig(),
    "exports": (),
}


def completed(recipe: Parts) -> tuple[str, Any] | None:
    """The task's own table with its defaults, where the recipe leaves it out: its name and what it holds."""
    own = TASKS[recipe.task]
    if own.settings is None or getattr(recipe, own.table) is not None:
        return None
    return own.table, own.settings()


def require_one_task(recipe: Parts) -> None:
    """Raise `RecipeError` for settings that the task has no use for: they would be ignored in silence."""
    own = TASKS[recipe.task]
    _require_kind(recipe, "front_end", {name: task.front_ends for name, task in TASKS.items()})
    _require_kind(recipe, "model", {name: task.models for name, task in TASKS.items()})
    for name, task in TASKS.items():
        if task.table and task.table != own.table and getattr(recipe, task.table) is not None:
            raise _elsewhere(recipe, task.table, [name])
    if recipe.fit.monitor not in own.monitors:
        raise RecipeError(
            f"fit.monitor: {recipe.fit.monitor!r} is nothing that {recipe.task} are validated by; "
            f"set {' or '.join(own.monitors)}"
        )
    if own.check is not None:
        own.check(getattr(recipe, own.table), recipe.fit)
    for setting in own.idle:
        if _at(recipe, setting) != _at(_DEFAULTS, setting):
            raise RecipeError(f"{setting}: is not for {recipe.task}; leave it out")


def _require_kind(recipe: Parts, part: str, allowed: Mapping[TaskName, Mapping[str, type]]) -> None:
    """Whether a part of the recipe is of a kind that its task knows."""
    kind = type(getattr(recipe, part))
    takers = [name for name, table in allowed.items() if kind in table.values()]
    if recipe.task not in takers:
        raise _elsewhere(recipe, part, takers)


def _elsewhere(recipe: Parts, part: str, tasks: Iterable[TaskName]) -> RecipeError:
    listed = " or ".join(repr(task) for task in tasks)
    return RecipeError(f"{part}: is for task = {listed}, and this one is {recipe.task!r}")


def _at(tree: object, path: str) -> object:
    """The setting at a dotted path."""
    for name in path.split("."):
        tree = tree[name] if isinstance(tree, dict) else getattr(tree, name)
    return tree
