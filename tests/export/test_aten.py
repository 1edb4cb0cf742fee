"""Each core operator gives in TensorFlow what it gives in torch, for any batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ExportError
from sonant.export.translate_graph import flat

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:tensorflow",
    "ignore::DeprecationWarning:keras",
    "ignore::FutureWarning:torch",
)


class Does(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.parts)


def apart(module: nn.Module, *shape: int, low: float = -2.0, batch: int = 3) -> float:
    """The largest difference between torch and TensorFlow, in a trace whose batch is free."""
    tf = pytest.importorskip("tensorflow")
    from sonant.export.translate import translated
    from sonant.export.translate_layout import plain

    graph = flat(module.eval(), [torch.zeros(2, *shape)])
    x = torch.empty(batch, *shape).uniform_(low, 2.0, generator=torch.Generator().manual_seed(1))
    traced = tf.function(
        lambda x: [end.logical for end in translated(graph, [plain(x)])],
        input_signature=[tf.TensorSpec([None, *shape], tf.float32)],
        autograph=False,
    )
    with torch.no_grad():
        wanted = module(x)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    given = traced(tf.constant(x.numpy()))
    assert [tuple(one.shape) for one in given] == [tuple(one.shape) for one in wanted]
    return max(
        float(np.abs(one.numpy().astype(np.float64) - other.numpy()).max())
        for one, other in zip(given, wanted, strict=True)
    )


ELEMENTWISE: dict[str, Callable[[Tensor], Any]] = {
    "add, subtract": lambda x: x + 2 * x - 1 + torch.add(x, x, alpha=0.5),
    "from a number": lambda x: 1 - x,
    "multiply, divide": lambda x: x * x / 3 + x / (x.abs() + 1),
    "powers": lambda x: x**2 + x.abs() ** 0.5 + x.abs() ** 1.7 + 2.0**x,
    "negative, absolute": lambda x: -x.abs(),
    "exponential, logarithms": lambda x: (x.exp() + 1).log() + x.exp().log10() + x.abs().log1p(),
    "base two": lambda x: (x / 4).exp2() + (x.abs() + 1).log2(),
    "roots": lambda x: (x * x + 1).sqrt() + (x * x + 1).rsqrt() + (x * x + 1).reciprocal(),
    "clamp": lambda x: x.clamp(-0.5, 1) + x.clamp(min=0) + x.clamp(max=1) + F.relu6(x * 4),
    "relu, sigmoid, tanh": lambda x: x.relu() + x.sigmoid() + x.tanh(),
    "silu, gelu, hardswish": lambda x: F.silu(x) + F.gelu(x) + F.hardswish(x) + F.hardsigmoid(x),
    "gelu by the tangent": lambda x: F.gelu(x, approximate="tanh"),
    "leaky relu, elu, softplus": lambda x: F.leaky_relu(x) + F.elu(x) + F.selu(x) + F.softplus(x),
    "softmax": lambda x: x.softmax(1) + x.softmax(-1) + x.log_softmax(1),
    "least, largest": lambda x: torch.maximum(x, x * x) + torch.minimum(x, 0.3 * x),
    "chosen": lambda x: torch.where(x > 0.3, x, -x) + torch.where(x <= 0, 1.0, 0.0),
    "compared": lambda x: (
        (x == x).float() + (x < 1).float() + (x >= 0.1).float() + (x != 0).float()
    ),
    "sine, cosine": lambda x: x.sin() + x.cos(),
    "rounded": lambda x: x.floor() + x.round() + x.ceil(),
}

SHAPES: dict[str, Callable[[Tensor], Any]] = {
    "cut": lambda x: (x[:, 1:3], x[..., -2:], x[..., ::2], x[:, -1:]),
    "one place": lambda x: (x[:, 2], x[..., -1], x[:, 0]),
    "split": lambda x: (*x.split(2, 1), *x.split([1, 4], 2), *x.chunk(2, 1)),
    "joined": lambda x: torch.cat([x, x * 2, x[:, :, :1]], -1),
    "stacked": lambda x: torch.stack([x, -x], 1),
    "turned": lambda x: (x.transpose(1, 2) + 1, x.permute(2, 0, 1) * 2),
    "seen otherwise": lambda x: (x.flatten(1), x.reshape(x.shape[0], 2, -1), x.reshape(-1, 5)),
    "batch times channels": lambda x: x.reshape(-1, x.shape[-1]).reshape(x.shape[0], 4, 5) + 1,
    "axes of one": lambda x: (x.unsqueeze(1), x[:, :1].squeeze(1), x[:, :, None, :] * 2),
    "expanded": lambda x: x.mean(1, keepdim=True).expand(-1, 3, -1) + x[:, :3],
    "padded": lambda x: (F.pad(x, (2, 1)), F.pad(x, (0, 0, 1, 2), value=3.0), F.pad(x, (-1, 2))),
    "reduced": lambda x: (
        x.mean(-1),
        x.sum((1, 2)),
        x.amax(1),
        x.mean((1, 2), keepdim=True),
        x.amin(2),
    ),
    "spread": lambda x: (x.var(1), x.std(-1, unbiased=False, keepdim=True)),
    "largest place": lambda x: x.argmax(1),
    "matrices": lambda x: (x @ x.transpose(1, 2), torch.ones(2, 4) @ x),
    "attention": lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None]),
    "backwards": lambda x: x.flip(-1),
    "sums so far": lambda x: x.cumsum(-1),
    "repeated": lambda x: x.repeat(1, 2, 1),
    "laid out anew, then added": lambda x: x.transpose(1, 2).softmax(1).transpose(1, 2) + x,
    "made": lambda x: torch.cat([x.new_zeros(x.shape[0], 1, x.shape[2]), torch.ones_like(x)], 1),
    "chosen by number": lambda x: x[:, [0, 2, 1]],
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_element_by_element(name: str) -> None:
    assert apart(Does(ELEMENTWISE[name]), 4, 5) < 1e-5


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    assert apart(Does(SHAPES[name]), 4, 5) < 1e-5


def convolutions() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    line, image = (8, 21), (8, 10, 11)
    for options in (
        {}, {"stride": 2}, {"dilation": 2}, {"padding": 1}, {"groups": 8}, {"groups": 2},
        {"groups": 8, "stride": 3}, {"groups": 8, "dilation": 3}, {"groups": 4, "bias": False},
        {"groups": 8, "stride": 2, "dilation": 2, "padding": 2},
    ):  # fmt: skip
        yield f"1-D {options}", nn.Conv1d(8, 16, 3, **options), line
        yield f"2-D {options}", nn.Conv2d(8, 16, (3, 2), **options), image
    yield (
        "2-D uneven",
        nn.Conv2d(8, 8, (1, 3), stride=(2, 1), dilation=(1, 2), padding=(0, 1)),
        image,
    )
    yield "2-D depthwise uneven", nn.Conv2d(8, 8, 3, stride=(2, 1), groups=8), image
    for options in (
        {},
        {"stride": 2},
        {"stride": 3, "padding": 1, "output_padding": 1},
        {"groups": 4},
    ):
        yield f"1-D transposed {options}", nn.ConvTranspose1d(8, 4, 4, **options), line
        yield f"2-D transposed {options}", nn.ConvTranspose2d(8, 4, 3, **options), image
    yield "transposed, dilated", nn.ConvTranspose1d(8, 4, 3, dilation=2), line
    yield "average 1-D", nn.AvgPool1d(3, stride=2, padding=1), line
    yield "average 2-D", nn.AvgPool2d((2, 3), stride=(1, 2)), image
    yield "largest 1-D", nn.MaxPool1d(3, stride=2, padding=1), line
    yield "largest 2-D", nn.MaxPool2d(2, dilation=2, stride=1), image
    yield "mean of all", nn.AdaptiveAvgPool2d(1), image
    yield "mean of parts", nn.AdaptiveAvgPool2d((5, 1)), image
    yield "dense", nn.Linear(21, 4), line
    yield "layer norm", nn.LayerNorm(21), line
    yield "group norm", nn.GroupNorm(2, 8), line
    yield (
        "multi-head attention",
        Does(lambda x, a: a(x, x, x)[0], nn.MultiheadAttention(21, 3, batch_first=True)),
        line,
    )
    yield "gru", Does(lambda x, g: g(x)[0], nn.GRU(21, 6, batch_first=True, num_layers=2)), (3, 21)
    yield "lstm", Does(lambda x, g: g(x)[0], nn.LSTM(21, 6, batch_first=True)), (3, 21)


@pytest.mark.parametrize(
    ("module", "shape"), [pytest.param(m, s, id=n) for n, m, s in convolutions()]
)
def test_layers(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert apart(module, *shape) < 2e-5


def normed(norm: nn.Module) -> nn.Module:
    for name, low in (
        ("weight", -1.0),
        ("bias", -1.0),
        ("running_mean", -1.0),
        ("running_var", 0.3),
    ):
        value = getattr(norm, name)
        if value is not None:
            nn.init.uniform_(value, low, 2.0)
    return norm


@pytest.mark.parametrize("affine", [True, False])
def test_a_batch_norm_is_folded_into_the_convolution_before_it(affine: bool) -> None:
    conv, norm = nn.Conv1d(8, 6, 3, bias=affine), normed(nn.BatchNorm1d(6, affine=affine))
    module = nn.Sequential(conv, norm, nn.ReLU())
    called = [str(node.target) for node in flat(module.eval(), [torch.zeros(2, 8, 9)]).nodes.nodes
              if node.op == "call_function"]  # fmt: skip
    assert called == ["aten.convolution.default", "aten.relu.default"]
    assert apart(module, 8, 9) < 1e-5


def test_a_batch_norm_elsewhere_is_a_product_and_a_sum() -> None:
    module = nn.Sequential(nn.ReLU(), normed(nn.BatchNorm2d(6)))
    assert apart(module, 6, 4, 5) < 1e-5


def test_a_convolution_that_others_read_too_keeps_its_own_values() -> None:
    conv, norm = nn.Conv1d(8, 6, 3), normed(nn.BatchNorm1d(6))

    def both(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
        y = conv(x)
        total: Tensor = y + norm(y)
        return total

    assert apart(Does(both, conv, norm), 8, 9) < 1e-5


def test_an_operator_that_is_missing_is_named_with_its_layer() -> None:
    from sonant.export.translate import check

    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.special.i0(x)

    graph = flat(nn.Sequential(nn.ReLU(), Odd()).eval(), [torch.zeros(2, 4)])
    with pytest.raises(ExportError, match=r"1 \(.*Odd\): the operator aten.i0.default") as raised:
        check(graph)
    assert len(str(raised.value).splitlines()) == 1
