"""Everything that streams, in small: what the laws are held against.

Layers stand in a literal list. Networks are read from the table of all networks, and front ends from
the kinds there are: a new one is under the laws without anyone remembering.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from sonant.models import MODELS, build
from sonant.models.embedders import EMBEDDERS
from sonant.models.tdnn_stream import TdnnStream, TdnnStreamConfig
from sonant.models.vocoders import VOCODERS
from sonant.models.vocos import Vocos, VocosConfig
from sonant.nn import istft, layers, recurrent, running, streaming, turn, windows
from sonant.nn.frontend_config import (
    FrontEndConfig,
    LogMelConfig,
    MfccConfig,
    MicroConfig,
    RawConfig,
    SpectrogramConfig,
)
from sonant.nn.istft import Istft
from sonant.nn.layers import AvgPool, Conv1d, Conv2d, ConvTranspose1d, MaxPool
from sonant.nn.norms import SubSpectralNorm
from sonant.nn.recurrent import GRU, LSTM, SVDF
from sonant.nn.running import RunningCentre, RunningStatistics
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual, Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd
from sonant.nn.streaming_utterance import StreamingUtteranceFrontEnd
from sonant.nn.turn import Stft, Turn
from sonant.nn.utterance_config import UtteranceConfig
from sonant.nn.voice_mel import VoiceMel
from sonant.nn.windows import (
    SqueezeExcite,
    WindowAttention,
    WindowDense,
    WindowFlatten,
    WindowMax,
    WindowMean,
)

TOLERANCE = 1e-5
BINS, FRAMES, LABELS = 40, 49, 4
RATE_HZ = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A streaming map and what it is fed."""

    name: str
    """How a failing test calls it."""
    shape: tuple[int, ...]
    """[channels] or [channels, bins] of its input."""
    make: Callable[[], Streamable]
    """A fresh one."""
    blind: int = 0
    """Frames at the ends of the receptive field that may count for nothing: a window ends at 0."""
    rounding: float = 0.0
    """How far a graph's answers may be besides, where logarithms or whole numbers magnify rounding."""
    long: bool = True
    """Whether it is quick enough to hear ten minutes; others hear ten seconds."""

    def built(self) -> Streamable:
        """The same weights every time, in evaluation mode, with norms that have seen data."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = self.make()
            for part in model.modules():
                if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                    _seen(part)
        return model.eval()

    def noise(self, hops: int, *, model: Streamable, batch: int = 1, seed: int = 0) -> Tensor:
        """Input of so many hops of `model`."""
        noise = torch.Generator().manual_seed(seed)
        return torch.randn(batch, *self.shape, hops * unit(model), generator=noise)


def unit(model: Streamable) -> int:
    """The least frames of a step; where a layer gives more than it takes, one is several hops."""
    return max(1, int(model.hop))


def _seen(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """As after training: neither mean nor deviation is that of a fresh norm."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.normal_(0, 0.2)
    norm.running_var.uniform_(0.5, 2)
    if norm.affine:
        nn.init.normal_(norm.weight, 1, 0.2)
        nn.init.normal_(norm.bias, 0, 0.2)


def _of(
    name: str,
    shape: tuple[int, ...],
    make: Callable[[], Streamable],
    *,
    blind: int = 0,
    long: bool = True,
) -> Subject:
    return Subject(name=name, shape=shape, make=make, blind=blind, long=long)


LAYERS: tuple[Subject, ...] = (
    _of("Conv1d", (3,), lambda: Conv1d(3, 4, 3)),
    _of("Conv1d of kernel 1", (3,), lambda: Conv1d(3, 4, 1)),
    _of("Conv1d, stride and dilation", (3,), lambda: Conv1d(3, 4, 3, stride=2, dilation=3)),
    _of("Conv1d, kernel below stride", (3,), lambda: Conv1d(3, 4, 2, stride=5)),
    _of("Conv1d, kernel equal to stride", (3,), lambda: Conv1d(3, 4, 4, stride=4, bias=False)),
    _of("Conv1d, groups", (4,), lambda: Conv1d(4, 8, 5, groups=4)),
    _of("Conv1d, look-ahead", (3,), lambda: Conv1d(3, 4, 5, dilation=2, lookahead=4)),
    _of("Conv1d, stride and look-ahead", (3,), lambda: Conv1d(3, 4, 7, stride=3, lookahead=2)),
    _of("Conv2d", (2, 6), lambda: Conv2d(2, 3, (3, 3), bins=6)),
    _of("Conv2d, strides", (2, 6), lambda: Conv2d(2, 3, (3, 2), bins=6, stride=(2, 2))),
    _of(
        "Conv2d, all settings",
        (2, 7),
        lambda: Conv2d(
            2, 4, (3, 3), bins=7, stride=(2, 1), dilation=(2, 2), groups=2, pad_bins=2, lookahead=2
        ),
    ),
    _of("Conv2d, kernel below stride", (1, 5), lambda: Conv2d(1, 3, (2, 5), bins=5, stride=(3, 1))),
    _of("ConvTranspose1d", (3,), lambda: ConvTranspose1d(3, 4, 5, stride=2)),
    _of("ConvTranspose1d, stride 1", (3,), lambda: ConvTranspose1d(3, 4, 3, stride=1)),
    _of("ConvTranspose1d, kernel below stride", (3,), lambda: ConvTranspose1d(3, 4, 2, stride=3)),
    _of("AvgPool", (3,), lambda: AvgPool([3], 4)),
    _of("AvgPool, span above stride", (2, 3), lambda: AvgPool([2, 3], 3, stride=2)),
    _of("AvgPool, span below stride", (3,), lambda: AvgPool([3], 2, stride=3)),
    _of("MaxPool", (3,), lambda: MaxPool([3], 3, stride=3)),
    _of("MaxPool, span above stride", (2, 3), lambda: MaxPool([2, 3], 5, stride=2)),
    _of("MaxPool, span below stride", (3,), lambda: MaxPool([3], 2, stride=3)),
    _of("GRU", (3,), lambda: GRU(3, 5)),
    _of("GRU, two layers", (3,), lambda: GRU(3, 5, layers=2), long=False),
    _of("LSTM, two layers", (3,), lambda: LSTM(3, 5, layers=2), long=False),
    _of("SVDF", (3,), lambda: SVDF(3, 5, memory=6)),
    _of("SVDF, rank 2", (3,), lambda: SVDF(3, 5, memory=6, rank=2)),
    _of("WindowMean", (3,), lambda: WindowMean([3], 9)),
    _of("WindowMean, bins", (2, 3), lambda: WindowMean([2, 3], 9)),
    _of("WindowMax", (3,), lambda: WindowMax([3], 9)),
    _of("WindowMax, bins", (2, 3), lambda: WindowMax([2, 3], 4)),
    _of("WindowFlatten", (3,), lambda: WindowFlatten([3], 5)),
    _of("WindowFlatten, bins", (2, 3), lambda: WindowFlatten([2, 3], 5)),
    _of("WindowDense", (3,), lambda: WindowDense([3], 4, 7)),
    _of("WindowDense, bins", (2, 3), lambda: WindowDense([2, 3], 4, 7)),
    _of("WindowAttention", (6,), lambda: WindowAttention(6, heads=2, window=11)),
    _of("SqueezeExcite", (6,), lambda: SqueezeExcite([6], reduction=2, frames=8)),
    _of("SqueezeExcite, bins", (6, 3), lambda: SqueezeExcite([6, 3], reduction=2, frames=8)),
    _of("RunningCentre", (3,), lambda: RunningCentre(3)),
    _of("RunningStatistics", (3,), lambda: RunningStatistics(3)),
    _of("Istft", (34,), lambda: Istft(32, 8)),
    _of("Istft of two hops", (34,), lambda: Istft(32, 16)),
    _of("Stft", (1,), lambda: Stft(32, 8), blind=1),
    _of("Turn", (68,), lambda: Turn(Istft(32, 8), Stft(32, 8))),
    _of("Delay", (3,), lambda: Delay([3], 4)),
    _of("Delay of nothing", (2, 3), lambda: Delay([2, 3], 0)),
    _of("Pointwise", (3,), lambda: Pointwise(nn.Sequential(nn.Conv1d(3, 4, 1), nn.ReLU()))),
    _of("batch norm, 1-D", (3,), lambda: Pointwise(nn.BatchNorm1d(3))),
    _of("batch norm, 2-D", (3, 4), lambda: Pointwise(nn.BatchNorm2d(3))),
    _of("SubSpectralNorm", (3, 4), lambda: Pointwise(SubSpectralNorm(3, bands=2))),
    _of("Residual", (3,), lambda: Residual(Chain(Conv1d(3, 3, 5), Pointwise(nn.Tanh())))),
    _of(
        "Residual that looks ahead",
        (3,),
        lambda: Residual(
            Chain(Conv1d(3, 3, 5, lookahead=2), Conv1d(3, 3, 3, lookahead=1)), Delay([3], 3)
        ),
    ),
    _of(
        "Residual of strides",
        (3,),
        lambda: Residual(Conv1d(3, 4, 5, stride=2), Conv1d(3, 4, 1, stride=2)),
    ),
    _of(
        "Chain of strides",
        (3,),
        lambda: Chain(
            Conv1d(3, 4, 3, stride=2), MaxPool([4], 3, stride=2), GRU(4, 5), WindowMean([5], 3)
        ),
    ),
    _of(
        "Chain down and up",
        (3,),
        lambda: Chain(
            Conv1d(3, 4, 4, stride=2),
            ConvTranspose1d(4, 3, 3, stride=2),
            Conv1d(3, 3, 3),
            Conv1d(3, 2, 2, stride=2),
        ),
        # Halves of frames are counted as if each met the worst place; here all meet the best.
        blind=1,
    ),
)


LONG = ("tc_resnet", "mixednet")
"""Networks that hear ten minutes."""


def _network(name: str) -> Subject:
    config = MODELS[name][0]

    def make() -> Streamable:
        network = build(config(), bins=BINS, frames=FRAMES, labels=LABELS)
        assert isinstance(network, Streamable)
        return network

    return Subject(name=name, shape=(BINS,), make=make, long=name in LONG)


NETWORKS: tuple[Subject, ...] = tuple(
    _network(name) for name, (_, kind) in MODELS.items() if issubclass(kind, Streamable)
)
"""Every network that streams, by the table."""

SMALL_EMBEDDERS: dict[str, Callable[[], Streamable]] = {
    "tdnn_stream": lambda: TdnnStream(
        TdnnStreamConfig(channels=(12, 12, 12, 12, 20), size=8), bins=BINS
    ),
}
SPEAKERS: tuple[Subject, ...] = tuple(
    Subject(name=name, shape=(BINS,), make=SMALL_EMBEDDERS[name], long=False)
    for name, (_, kind) in EMBEDDERS.items()
    if issubclass(kind, Streamable)
)
"""Every network for speakers that streams, by their table, with fewer channels."""

SMALL_VOCODERS: dict[str, Callable[[], Streamable]] = {
    "vocos": lambda: Vocos(
        VocosConfig(dim=8, hidden=12, layers=2, lookahead=4, turns=1),
        mel=VoiceMel(window_length=128, hop_length=32, mels=BINS // 2),
        rate_hz=RATE_HZ,
    ),
}
VOCODING: tuple[Subject, ...] = tuple(
    Subject(name=name, shape=(BINS // 2,), make=SMALL_VOCODERS[name], long=False)
    for name, (_, kind) in VOCODERS.items()
    if issubclass(kind, Streamable)
)
"""Every vocoder that streams, by their table, small."""


def _front_end(
    name: str, config: FrontEndConfig, *, blind: int = 0, rounding: float = 0.0
) -> Subject:
    # A Hann window is 0 at its first sample; of 12 bits, and with rounding behind it, for longer.
    return Subject(
        name=name,
        shape=(1,),
        make=lambda: StreamingFrontEnd(config, rate_hz=RATE_HZ),
        blind=blind,
        rounding=rounding,
    )


FRONT_ENDS: tuple[Subject, ...] = (
    _front_end("spectrogram", SpectrogramConfig(window_length=256, hop_length=128), blind=1),
    _front_end(
        "log_mel",
        LogMelConfig(window_length=480, hop_length=160, mels=20, centre=False),
        blind=1,
        rounding=2e-3,
    ),
    _front_end(
        "log_mel with pre-emphasis",
        LogMelConfig(window_length=400, hop_length=160, centre=False, pre_emphasis=0.97),
        blind=1,
        rounding=2e-3,
    ),
    _front_end(
        "log_mel with PCEN",
        LogMelConfig(window_length=400, hop_length=160, mels=20, centre=False, log="pcen"),
    ),
    _front_end("mfcc", MfccConfig(), blind=1),
    _front_end("micro", MicroConfig(), blind=40, rounding=0.05),
    _front_end("raw", RawConfig(frame_length=400, hop_length=160)),
    _front_end("raw with gaps", RawConfig(frame_length=100, hop_length=160, pre_emphasis=0.9)),
)

UTTERANCES: tuple[Subject, ...] = tuple(
    Subject(
        name=f"utterance less its {mean} mean",
        shape=(1,),
        make=lambda mean=mean: StreamingUtteranceFrontEnd(
            UtteranceConfig(mean=mean, mels=20), rate_hz=RATE_HZ
        ),
        blind=1,
        rounding=2e-3,
    )
    for mean in ("running", "none")
)
"""The front end for speakers, where it streams."""

EVERYTHING = LAYERS + NETWORKS + SPEAKERS + VOCODING + FRONT_ENDS + UTTERANCES


def kinds(room: ModuleType) -> Iterator[type[Streamable]]:
    """The streaming layers that a file defines."""
    for kind in vars(room).values():
        if inspect.isclass(kind) and issubclass(kind, Streamable) and not inspect.isabstract(kind):
            yield kind


LAYER_KINDS: frozenset[type[Streamable]] = frozenset(
    kind
    for room in (streaming, layers, recurrent, windows, running, istft, turn)
    for kind in kinds(room)
)
"""Every streaming layer there is."""


def each(*subjects: Subject) -> pytest.MarkDecorator:
    """A test for every one of these."""
    return pytest.mark.parametrize("subject", subjects, ids=lambda subject: subject.name)
