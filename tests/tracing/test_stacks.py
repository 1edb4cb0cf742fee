"""Random stacks of ordinary layers: whatever is put together streams, and gives the module's answer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sonant.tracing import stream

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

CHANNELS = 4
few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.generate,),
)


class Recurrence(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.rnn = kind(CHANNELS, CHANNELS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x.transpose(1, 2))[0].transpose(1, 2)


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x) * self.body(x) + x


@st.composite
def convolutions(draw: Any) -> nn.Module:
    kernel, dilation = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    return nn.Conv1d(
        CHANNELS, CHANNELS, kernel, stride=draw(st.integers(1, 3)), dilation=dilation,
        padding=draw(st.integers(0, 5)), groups=draw(st.sampled_from((1, 2, 4))),
    )  # fmt: skip


@st.composite
def pools(draw: Any) -> nn.Module:
    span, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    kind = draw(st.sampled_from((nn.MaxPool1d, nn.AvgPool1d)))
    return kind(span, stride, draw(st.integers(0, span // 2)))


@st.composite
def paddings(draw: Any) -> nn.Module:
    return nn.ConstantPad1d((draw(st.integers(-1, 4)), draw(st.integers(-1, 4))), 0.0)


@st.composite
def residuals(draw: Any) -> nn.Module:
    kernels = draw(st.lists(st.integers(1, 7), min_size=1, max_size=2))
    body = [nn.Conv1d(CHANNELS, CHANNELS, kernel, padding="same") for kernel in kernels]
    return Residual(nn.Sequential(*body))


pointwise = st.sampled_from((nn.ReLU, nn.Tanh, Normalised, lambda: nn.BatchNorm1d(CHANNELS)))
recurrences = st.sampled_from((nn.GRU, nn.LSTM, nn.RNN)).map(Recurrence)
layers = st.one_of(
    convolutions(),
    pools(),
    paddings(),
    residuals(),
    pointwise.map(lambda make: make()),
    recurrences,
)


def answered(module: nn.Module, x: Tensor) -> Tensor | None:
    """The module's answer, or None where the clip is too short for it."""
    try:
        with torch.no_grad():
            y: Tensor = module(x)
    except RuntimeError:
        return None
    return y if y.shape[-1] > 1 else None


@few
@given(
    st.lists(layers, min_size=1, max_size=5), st.integers(24, 60), st.integers(0, 9),
    st.sampled_from((None, 1, 2, 3)),
)  # fmt: skip
def test_any_stack_of_layers_gives_the_answer_of_the_module(
    parts: list[nn.Module], frames: int, more: int, chunk: int | None
) -> None:
    torch.manual_seed(frames)
    module = nn.Sequential(*parts).eval()
    for part in module.modules():
        for weight in part.parameters(recurse=False):
            nn.init.normal_(weight, 0.1, 0.3)
    x = torch.randn(2, CHANNELS, frames + more)
    expected = answered(module, x)
    assume(answered(module, x[..., :frames]) is not None)
    assume(expected is not None)
    traced = stream(module, x[:1, :, :frames], proof=None)
    with torch.no_grad():
        streamed = traced.clip(x, chunk=chunk)
    torch.testing.assert_close(streamed, expected, atol=1e-4, rtol=1e-4)


@few
@given(st.lists(layers, max_size=3), st.integers(24, 50))
def test_any_stack_under_a_pooled_head_gives_the_answer_to_the_clip(
    parts: list[nn.Module], frames: int
) -> None:
    torch.manual_seed(frames)
    head = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(CHANNELS, 3)]
    x = torch.randn(2, CHANNELS, frames)
    assume(answered(nn.Sequential(*parts).eval(), x) is not None)
    module = nn.Sequential(*parts, *head).eval()
    traced = stream(module, x[:1], proof=None)
    with torch.no_grad():
        torch.testing.assert_close(traced.clip(x, chunk=1)[..., 0], module(x), atol=1e-4, rtol=1e-4)
