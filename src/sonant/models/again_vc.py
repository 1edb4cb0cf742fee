"""AGAIN-VC: one encoder for words and voices, a decoder that puts the words into the other voice.

Chen, Wu, Wu and Lee, "AGAIN-VC: A One-shot Voice Conversion using Activation Guidance and Adaptive
Instance Normalization" (2020), arXiv 2011.00316, section 3; layers and widths are those of
KimythAnly/AGAIN-VC. Shapes of the default on 80 mels: 80 -> 256 -> 6 blocks, each without its style ->
a code of 4 a frame -> 256 -> 6 double blocks, each in the target's style -> GRU, 2 x 256 -> 80.
7,931,476 parameters, 2,387,204 of them in the encoder, as there: its first convolution looks at one
frame (one that looks at three would make 7,972,436). Two things are different: the recurrence runs
over time, where theirs, not being told of batches first, ran over the clips of a batch; and statistics
count sound frames only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.models.converter import ConvertingNetwork
from sonant.models.dense import positive
from sonant.nn.free_gru import FreeGRU
from sonant.nn.styles import Style, in_style, style_of, without

Guidance: TypeAlias = Literal["none", "sigmoid", "tanh"]

GUIDANCES: Final[dict[Guidance, Callable[[Tensor], Tensor]]] = {
    "none": lambda code: code,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
"""What keeps a code from saying too much."""

DECADE: Final = math.log(10.0)
"""The network reckons in decades, as its paper does; mels are in natural logarithms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainVCConfig:
    """Section 3; a smaller `width` and fewer `blocks` make a smaller network."""

    width: int = 256
    """Channels of every layer."""
    blocks: int = 6
    """Of the encoder, and as many of the decoder, which take their styles from them."""
    code: int = 4
    """Channels of what is left of a frame when its voice is taken away."""
    recurrent_layers: int = 2
    """Gated recurrent layers at the end."""
    guidance: Guidance = "sigmoid"
    """What bounds the code: the narrower it is, the less of the voice passes with the words."""
    steepness: float = 0.1
    """What the code is multiplied by before that."""

    def __post_init__(self) -> None:
        positive(
            width=self.width,
            blocks=self.blocks,
            code=self.code,
            recurrent_layers=self.recurrent_layers,
        )
        if not 0 < self.steepness < math.inf:
            raise RecipeError(f"steepness: {self.steepness} is not above 0")


class Encoded(NamedTuple):
    """What the encoder makes of clips."""

    code: Tensor
    """[batch * clips, code, frames]: the words."""
    styles: tuple[Style, ...]
    """Of each block, over all clips of a voice."""


class Voice(NamedTuple):
    """All that is taken over from a target."""

    code: Style
    blocks: tuple[Style, ...]


@final
class AgainVC(ConvertingNetwork):
    """One encoder, used twice, and a decoder; [batch, mels, frames] in and out."""

    def __init__(self, config: AgainVCConfig, *, mels: int) -> None:
        super().__init__()
        self.guide, self.steepness = GUIDANCES[config.guidance], config.steepness
        self.encoder = Encoder(config, mels=mels)
        self.decoder = Decoder(config, mels=mels)

    def forward(
        self, source: Tensor, target: Tensor, source_mask: Tensor, target_mask: Tensor
    ) -> Tensor:
        """The source's words in the target's voice, as `ConvertingNetwork` says."""
        return self.speak(source, source_mask, self.voice(target, target_mask))

    def voice(self, target: Tensor, mask: Tensor) -> Voice:
        """What [batch, clips, mels, frames] have of a voice, statistics over all clips together."""
        clips, rows = target.shape[1], target.flatten(0, 1)
        real = mask.flatten(0, 1).unsqueeze(1)
        code, styles = self.encoder(rows / DECADE, real, clips=clips)
        return Voice(style_of(self._guided(code), real, clips=clips), styles)

    def speak(self, source: Tensor, mask: Tensor, voice: Voice) -> Tensor:
        """The words of [batch, mels, frames] in a voice."""
        real = mask.unsqueeze(1)
        code = self._guided(self.encoder(source / DECADE, real).code)
        words = in_style(without(code, style_of(code, real)), voice.code)
        mel: Tensor = self.decoder(words, real, voice.blocks)
        return mel * DECADE

    def _guided(self, code: Tensor) -> Tensor:
        return self.guide(self.steepness * code.float())


@final
class Encoder(nn.Module):
    """[batch * clips, mels, frames] -> codes, and what the styles on the way there were."""

    def __init__(self, config: AgainVCConfig, *, mels: int) -> None:
        super().__init__()
        self.first = convolution(mels, config.width, 1)
        self.blocks = nn.ModuleList(Pair(config.width) for _ in range(config.blocks))
        self.last = convolution(config.width, config.code, 1)

    def forward(self, mel: Tensor, mask: Tensor, *, clips: int = 1) -> Encoded:
        """Block by block the style is noted and taken away."""
        x = self.first(mel)
        styles = []
        for block in self.blocks:
            x = x + block(x, mask)
            style = style_of(x, mask, clips=clips)
            x = without(x, style, clips=clips)
            styles.append(style)
        return Encoded(self.last(x), tuple(styles))


@final
class Decoder(nn.Module):
    """Codes [batch, code, frames] in the styles of a voice -> [batch, mels, frames]."""

    def __init__(self, config: AgainVCConfig, *, mels: int) -> None:
        super().__init__()
        self.first = convolution(config.code, config.width, 3)
        self.blocks = nn.ModuleList(
            nn.ModuleList([Pair(config.width), Pair(config.width)]) for _ in range(config.blocks)
        )
        self.recurrent = nn.Sequential(
            *(FreeGRU(config.width, config.width) for _ in range(config.recurrent_layers))
        )
        self.last = nn.Linear(config.width, mels)

    def forward(self, code: Tensor, mask: Tensor, styles: Sequence[Style]) -> Tensor:
        """Every block's answer loses its own style and is given the one the encoder found there."""
        x = F.leaky_relu(self.first(code * mask))
        for block, style in zip(self.blocks, styles, strict=True):
            assert isinstance(block, nn.ModuleList)
            y: Tensor = block[0](x, mask)
            x = x + y + block[1](y, mask)
            x = in_style(without(x, style_of(x, mask)), style)
        # The recurrence hears whose voice it is before it hears what it says.
        heard = self.recurrent(torch.cat([styles[-1].mean, x], 2))[:, :, 1:]
        with _float32(heard):
            mel: Tensor = self.last(heard.float().transpose(1, 2))
        return mel.transpose(1, 2)


@final
class Pair(nn.Module):
    """Convolution, batch norm, activation, convolution; [batch, width, frames] in and out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width, 3)
        self.norm = nn.BatchNorm1d(width)
        self.second = convolution(width, width, 3)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """What stands outside the mask, before and after, counts for nothing."""
        inner = F.leaky_relu(self.norm(self.first(x * mask)))
        y: Tensor = self.second(inner * mask)
        return y


def convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv1d:
    """Around its frame, zeros before the first and behind the last; weights as Glorot draws them."""
    layer = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(layer.weight)
    return layer


def _float32(like: Tensor) -> AbstractContextManager[object]:
    """A mel wants more digits than bf16 has. An exported graph knows no autocast."""
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(like.device.type, enabled=False)
