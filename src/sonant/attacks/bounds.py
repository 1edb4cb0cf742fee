"""How loud an attack may be: in its largest sample, in its energy against the speech, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from sonant.errors import SonantError

FULL_SCALE: Final = 1.0
LEAST_NORM: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What no attack may exceed; samples are in [-1, 1]."""

    epsilon: float | None = 0.002
    """Largest change of any sample; None: no such bound."""
    snr_db: float | None = None
    """Least ratio of speech to change, in decibels over the length of the clip; None: no such bound."""

    def __post_init__(self) -> None:
        if self.epsilon is None and self.snr_db is None:
            raise SonantError("a bound wants epsilon, snr_db or both: without any, all is possible")
        if self.epsilon is not None and not 0 < self.epsilon <= 2 * FULL_SCALE:
            raise SonantError(f"epsilon: {self.epsilon} is not in (0, 2]")
        if self.snr_db is not None and not math.isfinite(self.snr_db):
            raise SonantError(f"snr_db: {self.snr_db} is no number of decibels")

    def inside(self, changed: Tensor, clean: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The nearest sounds to `changed` [batch, 1, samples] by these rules, within [-1, 1].

        Nothing changes behind `lengths` [batch].
        """
        noise = (changed - clean) * heard(clean, lengths)
        if self.epsilon is not None:
            noise = noise.clamp(-self.epsilon, self.epsilon)
        # Clipping makes it quieter, never louder, so it may come before the energy is looked at.
        noise = (clean + noise).clamp(-FULL_SCALE, FULL_SCALE) - clean
        if self.snr_db is not None:
            loudest = norm(clean) * 10 ** (-self.snr_db / 20)
            noise = noise * (loudest / norm(noise).clamp_min(LEAST_NORM)).clamp_max(1.0)
        return clean + noise

    def span(self, clean: Tensor) -> Tensor:
        """About the largest change of one sample, [batch, 1, 1]: what steps are measured in."""
        spans = []
        if self.epsilon is not None:
            spans.append(torch.full_like(clean[:, :1, :1], self.epsilon))
        if self.snr_db is not None:
            rms = norm(clean) / math.sqrt(clean.shape[-1])
            spans.append(rms * 10 ** (-self.snr_db / 20))
        return torch.stack(spans).amin(dim=0)


def heard(clean: Tensor, lengths: Tensor | None) -> Tensor:
    """1 up to the length of each clip and 0 behind it, [batch, 1, samples] or broadcast to it."""
    if lengths is None:
        return torch.ones_like(clean[:, :, :1])
    places = torch.arange(clean.shape[-1], device=clean.device)
    return (places < lengths.to(clean.device)[:, None, None]).to(clean.dtype)


def norm(sound: Tensor) -> Tensor:
    """Root of the energy, [batch, 1, 1]."""
    energy: Tensor = torch.linalg.vector_norm(sound, dim=(1, 2), keepdim=True)
    return energy


def snr_db(clean: Tensor, changed: Tensor) -> Tensor:
    """Speech against change in decibels, [batch]; infinite where nothing changed."""
    ratio = norm(clean) / norm(changed - clean)
    return (20 * torch.log10(ratio)).flatten()
