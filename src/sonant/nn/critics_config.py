"""The settings of critics. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticsConfig:
    """Which critics listen to a vocoder, and how large they are."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Samples at which a critic of periods takes the sound apart; primes see different ones."""
    period_channels: tuple[int, ...] = (8, 16, 32, 32)
    """Channels behind each of its layers."""
    resolutions: tuple[int, ...] = (1024, 512, 256)
    """Points of the transform that a critic of spectra looks at, every quarter of them."""
    spectrum_channels: int = 16
    """Channels of its layers."""

    def __post_init__(self) -> None:
        if not self.periods and not self.resolutions:
            raise RecipeError("periods, resolutions: both are empty; name one critic at least")
        for name in ("periods", "period_channels", "resolutions", "spectrum_channels"):
            value = getattr(self, name)
            if min(value if isinstance(value, tuple) else (value,), default=1) < 1:
                raise RecipeError(f"{name}: {value} is not above 0")
        if self.periods and not self.period_channels:
            raise RecipeError("period_channels: is empty; give the channels of each layer")
        if odd := [size for size in self.resolutions if size % 4]:
            raise RecipeError(f"resolutions: {odd[0]} is no multiple of 4")
