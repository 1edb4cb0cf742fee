"""What cannot stream is refused by name, with the reason and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import sonant
from sonant.errors import ModelError


class Encoder(nn.Module):
    """A convolution, and then something."""

    def __init__(self, then: Callable[[Any, Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3, padding=1)
        self.layers = nn.ModuleList(layers)
        self.positions = nn.Parameter(torch.ones(1, 4, 40))
        self.then = then

    def forward(self, x: Tensor) -> Any:
        return self.then(self, self.conv(x))


def layer(self: Any, x: Tensor) -> Any:
    return self.layers[0](x)


def turned(self: Any, x: Tensor) -> Any:
    y = self.layers[0](x.transpose(1, 2))
    return (y[0] if isinstance(y, tuple) else y).transpose(1, 2)


def attended(self: Any, x: Tensor) -> Any:
    x = x.transpose(1, 2)
    return self.layers[0](x, x, x)[0]


def excited(self: Any, x: Tensor) -> Any:
    return x * torch.sigmoid(self.layers[0](x.mean(-1, keepdim=True)))


def scored(self: Any, x: Tensor) -> Any:
    return (x.transpose(1, 2) @ x).softmax(-1)


def branched(self: Any, x: Tensor) -> Any:
    if x.mean() > 0:
        return x
    return -x


def transformer() -> nn.Module:
    block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    return nn.TransformerEncoder(block, 2)


ATTENTION = "attends over the whole sequence.*WindowAttention"
NORM = "normalises by all frames of the clip"

REFUSALS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "attention": (
        lambda: Encoder(attended, nn.MultiheadAttention(4, 2, batch_first=True)),
        r"`layers\.0` \(MultiheadAttention\) cannot stream: it " + ATTENTION,
    ),
    "transformer": (
        lambda: Encoder(turned, transformer()),
        r"`layers\.0\.layers\.0\.self_attn` \(MultiheadAttention\) cannot stream: it " + ATTENTION,
    ),
    "attention by hand": (lambda: Encoder(scored), "multiplies frames with frames, as attention"),
    "softmax over time": (
        lambda: Encoder(lambda self, x: x.softmax(-1)), "softmax runs over all frames"),
    "both directions": (
        lambda: Encoder(turned, nn.GRU(4, 2, bidirectional=True, batch_first=True)),
        r"`layers\.0` \(GRU\) cannot stream: it reads the clip backwards.*bidirectional=False",
    ),
    "instance norm": (
        lambda: Encoder(layer, nn.InstanceNorm1d(4)), r"`layers\.0` \(InstanceNorm1d\).*" + NORM),
    "group norm": (lambda: Encoder(layer, nn.GroupNorm(2, 4)), r"\(GroupNorm\).*" + NORM),
    "layer norm over time": (lambda: Encoder(layer, nn.LayerNorm(40)), r"\(LayerNorm\).*" + NORM),
    "untracked batch norm": (
        lambda: Encoder(layer, nn.BatchNorm1d(4, track_running_stats=False)),
        "statistics of the whole batch.*track_running_stats=True",
    ),
    "flip": (lambda: Encoder(lambda self, x: x.flip(-1)), "changes the order of the frames"),
    "squeeze-excite": (
        lambda: Encoder(excited, nn.Conv1d(4, 4, 1)),
        "in the line `return self.then.*summary of the whole clip.*nn.windows.SqueezeExcite",
    ),
    "fourier": (lambda: Encoder(lambda self, x: torch.fft.rfft(x).abs()), "transforms all frames"),
    "branch on a value": (
        lambda: Encoder(branched),
        r"path depends on the values.*in the line `if x.mean\(\) > 0:`.*torch.where",
    ),
    "unknown operator": (
        lambda: Encoder(lambda self, x: x.cummax(-1)[0]), r"no rule .*aten\.cummax\.default"),
    "positions": (
        lambda: Encoder(lambda self, x: x + self.positions), "value of its own for each frame"),
    "first frame": (lambda: Encoder(lambda self, x: x[..., 0]), "reads frame 0 of the clip alone"),
    "reflected edges": (
        lambda: Encoder(lambda self, x: F.pad(x, (2, 2), mode="reflect")), "pads time with reflect"),
    "two rates": (
        lambda: Encoder(lambda self, x: torch.cat([x[..., ::2], x[..., :20]], 1)),
        "different rates: a frame every 2 and a frame every 1",
    ),
    "dense over time": (lambda: Encoder(layer, nn.Linear(40, 5)), r"\(Linear\).*over the frames"),
    "several answers": (lambda: Encoder(lambda self, x: (x, x)), "gives 2 tensors"),
    "length read": (
        lambda: Encoder(lambda self, x: x / x.shape[-1]), "depends on the length of the clip"),
    "fixed crop": (
        lambda: Encoder(lambda self, x: x[..., :30]), "depends on the length of the clip"),
    "across the batch": (
        lambda: Encoder(lambda self, x: x - x.mean(0, keepdim=True)), "works across the batch"),
    "upsampling": (
        lambda: Encoder(layer, nn.ConvTranspose1d(4, 4, 4, 2)), "more frames than it takes"),
    "pooled into four": (
        lambda: Encoder(layer, nn.AdaptiveAvgPool1d(4)), "all 40 frames of the clip into 4"),
    "time split": (
        lambda: Encoder(lambda self, x: x.unflatten(-1, (20, 2)).mean(-1)),
        "mixes the frames with other axes",
    ),
    "partial windows": (
        lambda: Encoder(layer, nn.MaxPool1d(3, 2, ceil_mode=True)), "set ceil_mode=False"),
    "edges counted less": (
        lambda: Encoder(layer, nn.AvgPool1d(3, 1, 1, count_include_pad=False)), "count_include_pad=True"),
    "dropout that stays on": (
        lambda: Encoder(lambda self, x: F.dropout(x, 0.5)), "dropout is switched on"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_stream_is_refused_by_name_with_the_reason(name: str) -> None:
    make, message = REFUSALS[name]
    with pytest.raises(ModelError, match=message):
        sonant.stream(make().eval(), torch.zeros(1, 4, 40))


def test_a_batch_norm_in_training_is_refused() -> None:
    module = Encoder(layer, nn.BatchNorm1d(4)).train()
    with pytest.raises(
        ModelError, match=r"`layers\.0` \(BatchNorm1d\).*call module.eval\(\) first"
    ):
        sonant.stream(module, torch.zeros(1, 4, 40))


def test_the_cells_of_an_lstm_at_the_end_of_a_clip_are_refused() -> None:
    def cells(self: Any, x: Tensor) -> Any:
        return self.layers[0](x.transpose(1, 2))[1][1][-1]

    module = Encoder(cells, nn.LSTM(4, 3, batch_first=True)).eval()
    with pytest.raises(ModelError, match="last cell state of an LSTM"):
        sonant.stream(module, torch.zeros(1, 4, 40))


def test_a_state_that_does_not_begin_at_zero_is_refused() -> None:
    def begun(self: Any, x: Tensor) -> Any:
        return self.layers[0](x.transpose(1, 2), torch.ones(1, x.shape[0], 3))[0]

    module = Encoder(begun, nn.GRU(4, 3, batch_first=True)).eval()
    with pytest.raises(ModelError, match="its first state is not zero"):
        sonant.stream(module, torch.zeros(1, 4, 40))
