"""What only the training of a spoof detector has: the `[spoofing]` table of a recipe. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from sonant.nn.spoof_losses_config import CrossEntropyConfig, SpoofLossConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoofingConfig:
    """What a step minimises."""

    loss: SpoofLossConfig = field(default_factory=CrossEntropyConfig)
    """What a step minimises; `one_class` wants model.head = "cosine"."""
