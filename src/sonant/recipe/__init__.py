"""A Recipe says what to train: a tree of frozen dataclasses read from TOML, strict about every key."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

import tomli_w

from sonant import shipped as package
from sonant import strict
from sonant.data.augment_config import AugmentConfig
from sonant.data.conversion_config import ConversionConfig
from sonant.data.preparation import DataConfig
from sonant.data.speaker_config import SpeakerConfig
from sonant.data.spoofing_config import SpoofingConfig
from sonant.data.vocoding_config import VocodingConfig
from sonant.errors import RecipeError
from sonant.nn.losses_config import LOSSES, LossConfig
from sonant.nn.spoof_losses_config import SPOOF_LOSSES, SpoofLossConfig
from sonant.recipe.fit import FitConfig, ScheduleConfig
from sonant.recipe.one_task import (
    TASKS,
    FrontEndSettings,
    ModelSettings,
    TaskName,
    completed,
    require_one_task,
)

__all__ = ["DEFAULT", "SHIPPED", "FitConfig", "Recipe", "ScheduleConfig", "find", "shipped"]

SHIPPED: Final = package.FOLDER
DEFAULT: Final = package.DEFAULT

PLACES: Final = (
    ("augment", "noise"),
    ("augment", "rir"),
    ("data", "words", "noise"),
    ("conversion", "speaker"),
)
"""Settings that name a file or folder."""

TABLES: Final[strict.Tables] = {
    ModelSettings: {name: kind for task in TASKS.values() for name, kind in task.models.items()},
    FrontEndSettings: {
        name: kind for task in TASKS.values() for name, kind in task.front_ends.items()
    },
    LossConfig: LOSSES,
    SpoofLossConfig: SPOOF_LOSSES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to train."""

    name: str
    """Names the bundle."""
    about: str = ""
    """One line for `sonant recipes`."""
    task: TaskName = "keywords"
    """Which problem it is: what is said, by whom, or the same in another voice."""
    front_end: FrontEndSettings
    """Samples to features."""
    model: ModelSettings
    """Features to logits, to an embedding, or to other features."""
    speaker: SpeakerConfig | None = None
    """What only the training of a speaker model has; none for other tasks."""
    conversion: ConversionConfig | None = None
    """What only the training of a voice converter has; none for other tasks."""
    vocoding: VocodingConfig | None = None
    """What only the training of a vocoder has; none for other tasks."""
    spoofing: SpoofingConfig | None = None
    """What only the training of a spoof detector has; none for other tasks."""
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
        if own := completed(self):
            object.__setattr__(self, *own)  # written out like every default
        require_one_task(self)

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
