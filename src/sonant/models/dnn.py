"""The DNN of kws_streaming: dense layers on every frame, then dense layers on all frames of a clip.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after Chen et al.,
"Small-footprint keyword spotting using deep neural networks" (2014). Shapes of the default on 49
frames of 20 MFCC: 49 x 20 -> 49 x 64 -> 49 x 128 -> means of 2 units, 49 x 64 -> 3136 -> 128 -> 256
-> labels; with 12 labels 447,308 parameters (published: 447k). In a stream the clip is a window that
slides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import ACTIVATIONS, Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.nn.streaming import Pointwise, Streamable
from sonant.nn.windows import WindowDense


@dataclass(frozen=True, slots=True, kw_only=True)
class DNNConfig:
    """Dense layers on frames, a pooling, dense layers on the clip."""

    frame_units: tuple[int, ...] = (64, 128)
    """Widths of the dense layers that every frame goes through."""
    frame_activations: tuple[Activation, ...] = ("relu", "relu")
    """What follows each of them: linear, relu, elu, silu, tanh, sigmoid."""
    pool: int = 2
    """Neighbouring units of a frame that become their mean; must divide the last width."""
    dropout: float = 0.1
    """Share of values dropped behind the pooling."""
    units: tuple[int, ...] = (128, 256)
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ("linear", "relu")
    """What follows each of them."""

    def __post_init__(self) -> None:
        same_length(
            "layers on frames",
            frame_units=self.frame_units,
            frame_activations=self.frame_activations,
        )
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        if not self.frame_units:
            raise RecipeError("frame_units: empty; give at least one layer on frames")
        positive(frame_units=self.frame_units, pool=self.pool, units=self.units)
        known(frame_activations=self.frame_activations, unit_activations=self.unit_activations)
        if self.frame_units[-1] % self.pool:
            raise RecipeError(
                f"pool: {self.pool} does not divide the {self.frame_units[-1]} units of the last "
                f"layer on frames; change pool or the last of frame_units"
            )


@final
class DNN(Chained):
    """Every frame by itself, then the clip as one row."""

    def __init__(self, config: DNNConfig, *, bins: int, frames: int, labels: int) -> None:
        pooled = config.frame_units[-1] // config.pool
        window = WindowDense([pooled], (*config.units, labels)[0], frames)
        super().__init__(
            Pointwise(dense(bins, config.frame_units, config.frame_activations)),
            Pointwise(UnitMean(config.pool)),
            Pointwise(nn.Dropout(config.dropout)),
            window,
            *_behind(config, labels=labels),
        )
        as_keras(self)
        # A dense layer on the whole clip, not a convolution: each weight has one place to go.
        nn.init.xavier_uniform_(window.dense.weight.detach().flatten(1))


def _behind(config: DNNConfig, *, labels: int) -> Iterator[Streamable]:
    """What follows the first dense layer on the clip."""
    if config.units:
        yield Pointwise(ACTIVATIONS[config.unit_activations[0]]())
        units, activations = config.units[1:], config.unit_activations[1:]
        yield Pointwise(dense(config.units[0], units, activations, labels=labels))


@final
class UnitMean(nn.Module):
    """[batch, units, frames] -> [batch, units / pool, frames]: means of neighbours.

    kws_streaming pools the flattened clip, in which neighbours are units of one frame.
    """

    def __init__(self, pool: int) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Every frame by itself."""
        return torch.unflatten(x, 1, (-1, self.pool)).mean(2)
