"""What a clip is and who trains on which: the part of a recipe that evaluation needs as well. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from sonant import strict
from sonant.audio import Crop, Pad
from sonant.data import corpora, splits
from sonant.data.splits import Split
from sonant.errors import ManifestError, RecipeError
from sonant.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class TwelveConfig:
    """The task of wanted words beside everything else; used when `wanted` names at least one word."""

    wanted: tuple[str, ...] = ()
    """Words to keep; all others become `_unknown_`."""
    unknown_percent: float = 10.0
    """Clips of other words, as a share of the wanted ones in each split."""
    silence_percent: float = 10.0
    """Clips without speech, as a share of the wanted ones in each split."""
    zero_share: float = 0.1
    """How many of the silent clips are digital zeros; the rest is background noise."""
    noise: str = ""
    """Folder of background noise; empty takes the data's own `_background_noise_`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What a clip is, and who trains on which."""

    rate_hz: int = 16_000
    """Hertz; every clip is resampled to it."""
    duration_s: float = 1.0
    """Seconds; every clip is cut or filled to it."""
    pad: Pad = "end"
    """Where a short clip is filled: end, random, edge, centre."""
    crop: Crop = "start"
    """What is kept of a long clip: start, random, centre, end."""
    labels: tuple[str, ...] = ()
    """Keep only these labels; empty keeps all."""
    split: Split = "auto"
    """Where the splits come from."""
    shares: tuple[float, ...] = (80.0, 10.0, 10.0)
    """Per cent for train, validation and test, where sonant splits."""
    words: TwelveConfig = field(default_factory=TwelveConfig)
    """Wanted words, `_unknown_` and `_silence_`."""

    def __post_init__(self) -> None:
        if self.rate_hz <= 0:
            raise RecipeError(f"rate_hz: {self.rate_hz} is not a sample rate in hertz")
        if not 1 <= self.rate_hz * self.duration_s < 1e9:
            raise RecipeError(f"duration_s: {self.duration_s} is no length; give seconds above 0")

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        """Build from plain tables, as a bundle holds them; raises `RecipeError` naming the wrong key."""
        config: Self = strict.build(cls, tree, "recipe.data", tables={})
        return config

    @property
    def samples(self) -> int:
        """Samples of every clip."""
        return round(self.rate_hz * self.duration_s)

    def plain(self) -> Self:
        """The same splits, for whatever labels there are."""
        return replace(self, labels=(), words=TwelveConfig())

    def prepare(self, manifest: Manifest, *, seed: int) -> Manifest:
        """Keep the labels asked for, give every clip a split, and add `_unknown_` and `_silence_`."""
        manifest = only(manifest, self.labels)
        manifest = splits.assign(manifest, how=self.split, shares=self.shares, seed=seed)
        words = self.words
        if not words.wanted:
            return manifest
        return corpora.twelve(
            manifest,
            wanted=words.wanted,
            unknown_percent=words.unknown_percent,
            silence_percent=words.silence_percent,
            zero_share=words.zero_share,
            noise=Path(words.noise) if words.noise else None,
            duration_s=self.duration_s,
            seed=seed,
        )


def only(manifest: Manifest, labels: Sequence[str]) -> Manifest:
    """The clips with these labels, or all where none is named; `ManifestError` for a label not there."""
    missing = sorted(set(labels) - set(manifest.labels))
    if missing:
        raise ManifestError(
            f"{manifest.name}: has no clip labelled {', '.join(missing)}; its labels are "
            f"{', '.join(manifest.labels)}"
        )
    return manifest.where(labels=tuple(labels)) if labels else manifest
