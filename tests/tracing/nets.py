"""Networks as people write them: nothing here knows that it will stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TemporalBlock(nn.Module):
    """The residual block of TC-ResNet, 'same' padding and a strided shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, 9, stride=stride, padding=4, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.conv2 = nn.Conv1d(outputs, outputs, 9, padding="same", bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv1d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm1d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class TCResNet(nn.Module):
    """A classifier of clips: AdaptiveAvgPool1d(1), flatten, dense."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(10, 6, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(TemporalBlock(6, 8, 2), TemporalBlock(8, 8, 1))
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.blocks(self.stem(x)))
        return self.classifier(self.dropout(torch.flatten(x, 1)))


class Gated(nn.Module):
    """One layer of a WaveNet; one branch chomps, the other is padded by hand."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.pad = dilation
        self.filter = nn.Conv1d(width, width, 2, dilation=dilation, padding=dilation)
        self.gate = nn.Conv1d(width, width, 2, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.filter(x)[..., : -self.pad])
        return x + self.mix(y * torch.sigmoid(self.gate(F.pad(x, (self.pad, 0)))))


class WaveNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(1, 6, 1)
        self.layers = nn.ModuleList([Gated(6, dilation) for dilation in (1, 2, 4, 8)])
        self.head = nn.Conv1d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.front(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(F.relu(x))


class CRNN(nn.Module):
    """Convolution, recurrence on transposed axes, a dense layer on every frame."""

    def __init__(self, kind: type[nn.RNNBase] = nn.GRU, *, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 5, padding=2)
        self.rnn = kind(8, 5, 2, batch_first=True)
        self.dense = nn.Linear(5, 3)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y, state = self.rnn(F.relu(self.conv(x)).transpose(1, 2))
        if self.last:
            hidden = state[0] if isinstance(state, tuple) else state
            return self.dense(hidden[-1])
        return self.dense(y).transpose(1, 2)


class MelImage(nn.Module):
    """2-D convolutions over mel bins, pooled in frequency, flattened to a vector a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=(2, 1), padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.MaxPool2d((2, 1)), nn.Conv2d(4, 5, (3, 5), padding=(1, 2)), nn.ReLU(), nn.MaxPool2d((2, 1)),
        )  # fmt: skip
        self.dense = nn.Linear(10, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.dense(x.flatten(1, 2).transpose(1, 2)).transpose(1, 2)


class TutorialImage(nn.Module):
    """Pooled in time and frequency, then all frames flattened into one vector."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, padding=1),
            nn.MaxPool2d(2, padding=1), nn.Flatten(), nn.Linear(3 * 4 * 6, 5), nn.Softmax(-1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Separable(nn.Module):
    """Depthwise and pointwise convolutions, mean over time."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for dilation in (1, 2):
            layers += [
                nn.Conv1d(6, 6, 5, padding=2 * dilation, dilation=dilation, groups=6),
                nn.Conv1d(6, 6, 1), nn.BatchNorm1d(6), nn.Hardswish(),
            ]  # fmt: skip
        self.body = nn.Sequential(*layers)
        self.dense = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.body(x).mean(-1))


class Branches(nn.Module):
    """Branches of look-ahead 3, 1 and none; pools; a norm over channels; a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv1d(4, 4, 7, padding=3)
        self.narrow = nn.Conv1d(4, 4, 3, padding=1)
        self.peak = nn.MaxPool1d(3, 1, 1)
        self.norm = nn.LayerNorm(8)
        self.smooth = nn.AvgPool1d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.wide(x) + self.peak(x), self.narrow(x) * torch.sigmoid(x)], 1)
        first, second = self.norm(y.transpose(1, 2)).transpose(1, 2).chunk(2, 1)
        return self.smooth(first * second)


class Statistics(nn.Module):
    """Mean, spread and maximum of a clip, as speaker networks pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 5, padding="same", dilation=2)
        self.dense = nn.Linear(18, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.dense(torch.cat([x.mean(-1), x.std(-1), x.max(-1)[0]], 1))


class LastFrame(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 5, padding=2, stride=3)
        self.dense = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.conv(x)[..., -1])


class TimeDistributed(nn.Module):
    """Frames folded into the batch and out again; [batch, frames, features]; time first in the LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.dense = nn.Linear(3 * 8, 4)
        self.lstm = nn.LSTM(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, _ = x.shape
        y = F.relu(self.conv(x.unsqueeze(1)))
        y = self.dense(y.permute(0, 2, 1, 3).reshape(batch * frames, -1)).view(batch, frames, -1)
        y, _ = self.lstm(y.transpose(0, 1))
        return y.transpose(0, 1)


class PaddedByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 5, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        silence = x.new_zeros(x.size(0), 4, 3)
        return self.conv(torch.cat([silence, x, silence], -1))


class Unpadded(nn.Module):
    """Convolutions without padding, a shortcut cropped to fit."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, 4, 5)
        self.second = nn.Conv1d(4, 4, 3, stride=2)
        self.third = nn.Conv1d(4, 4, 1, stride=3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x) + x[..., 2:-2]
        return self.third(self.second(y.relu_()))


class Samples(nn.Module):
    """Raw audio [batch, samples]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 16, stride=8, padding=4)
        self.next = nn.Conv1d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.next(torch.log1p(self.conv(x.unsqueeze(1)).square()))


class Broadcast(nn.Module):
    """The broadcast residual of BC-ResNet: frequency and time apart, added again."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv2d(1, 4, 5, stride=(2, 1), padding=2)
        self.frequency = nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=4)
        self.norm = nn.BatchNorm2d(4)
        self.time = nn.Conv2d(4, 4, (1, 3), padding=(0, 2), dilation=(1, 2), groups=4)
        self.head = nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.front(x)
        y = self.norm(self.frequency(x))
        z = F.silu(self.time(F.avg_pool2d(y, (y.shape[2], 1))))
        x = F.relu(x + y + z).mean(2, keepdim=True).mean(3, keepdim=True)
        return self.head(x).squeeze(-1).squeeze(-1)


class FrameGate(nn.Module):
    """Squeeze-excite over the bins of every single frame."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.gate = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        gate = torch.sigmoid(self.gate(y.mean(2).transpose(1, 2))).transpose(1, 2)
        return (y * gate.unsqueeze(2)).mean(dim=2)


class Filterbank(nn.Module):
    """A product with a constant matrix, a logarithm, a recurrence, axes split and picked."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.rand(5, 4))
        self.gru = nn.GRU(5, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.log(torch.matmul(self.matrix, x.square()) + 1e-3)
        y, _ = self.gru(y.permute(0, 2, 1))
        parts = y.reshape(x.size(0), -1, 2, 3).mean(2).unbind(-1)
        return torch.stack([parts[0], parts[2]], 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network, what it takes, and the latency that its author would work out on paper."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    hop: int
    delay: int
    field: int | None
    time_axis: int = -1
    summary: bool = False

    def built(self) -> nn.Module:
        """With norms that have seen data, in evaluation mode."""
        torch.manual_seed(0)
        module = self.make()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(layer.bias, 0.5, 0.5)
                layer.running_mean.normal_(0.3, 0.3)
                layer.running_var.uniform_(0.5, 2)
        return module.eval()

    def example(self, seed: int = 0) -> Tensor:
        return torch.randn(self.shape, generator=torch.Generator().manual_seed(seed))


GALLERY: dict[str, Case] = {
    "tc_resnet": Case(make=TCResNet, shape=(1, 10, 51), hop=2, delay=28, field=109, summary=True),
    "wavenet": Case(make=WaveNet, shape=(1, 1, 50), hop=1, delay=0, field=16),
    "conv and gru": Case(make=CRNN, shape=(1, 8, 30), hop=1, delay=2, field=None),
    "conv and lstm": Case(make=lambda: CRNN(nn.LSTM), shape=(1, 8, 30), hop=1, delay=2, field=None),
    "last state of a gru": Case(
        make=lambda: CRNN(last=True), shape=(1, 8, 30), hop=1, delay=2, field=None, summary=True
    ),
    "last state of an lstm": Case(
        make=lambda: CRNN(nn.LSTM, last=True),
        shape=(1, 8, 30),
        hop=1,
        delay=2,
        field=None,
        summary=True,
    ),
    "plain rnn": Case(make=lambda: CRNN(nn.RNN), shape=(1, 8, 30), hop=1, delay=2, field=None),
    "mel image": Case(make=MelImage, shape=(1, 1, 16, 40), hop=1, delay=3, field=7),
    "flattened image": Case(
        make=TutorialImage, shape=(1, 1, 12, 22), hop=4, delay=8, field=30, summary=True
    ),
    "depthwise separable": Case(
        make=Separable, shape=(1, 6, 33), hop=1, delay=6, field=45, summary=True
    ),
    "branches": Case(make=Branches, shape=(1, 4, 41), hop=2, delay=4, field=9),
    "statistics": Case(make=Statistics, shape=(1, 4, 40), hop=1, delay=4, field=48, summary=True),
    "last frame": Case(make=LastFrame, shape=(1, 4, 40), hop=3, delay=0, field=5, summary=True),
    "time distributed": Case(
        make=TimeDistributed, shape=(1, 40, 8), hop=1, delay=1, field=None, time_axis=1
    ),
    "padded by hand": Case(make=PaddedByHand, shape=(1, 4, 40), hop=2, delay=2, field=5),
    "unpadded": Case(make=Unpadded, shape=(1, 4, 40), hop=6, delay=0, field=7),
    "broadcast residual": Case(
        make=Broadcast, shape=(1, 1, 8, 30), hop=1, delay=4, field=38, summary=True
    ),
    "gate on every frame": Case(make=FrameGate, shape=(1, 1, 6, 30), hop=1, delay=1, field=3),
    "filterbank": Case(make=Filterbank, shape=(1, 4, 30), hop=1, delay=0, field=None),
    "samples": Case(make=Samples, shape=(1, 320), hop=8, delay=16, field=32),
}
