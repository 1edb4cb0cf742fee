"""Layers, shapes, parameters and multiply-accumulates, held to figures worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.models import MODELS, build
from sonant.nn.summary import Row, Summary, summarise


def macs(module: nn.Module, *shape: int) -> int:
    return summarise(module, torch.zeros(shape), clip_s=1.0).macs


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        # 8 places, 6 filters, 2 channels a group, 3 values each
        (nn.Conv1d(4, 6, 3, stride=2, dilation=2, groups=2), (1, 4, 20), 8 * 6 * 2 * 3),
        (nn.Conv2d(3, 8, (3, 5), padding=(1, 0)), (1, 3, 10, 9), 10 * 5 * 8 * 3 * 15),
        (nn.Conv2d(8, 8, 3, groups=8), (1, 8, 5, 5), 9 * 8 * 9),
        # each of the 5 values goes to 4 places of 2 channels
        (nn.ConvTranspose1d(3, 2, 4, stride=2), (1, 3, 5), 5 * 3 * 2 * 4),
        (nn.Linear(10, 7), (1, 10), 70),
        (nn.Linear(10, 7, bias=False), (1, 6, 10), 6 * 70),
        # 4 gates, from 10 inputs and 7 states, in 5 frames
        (nn.LSTM(10, 7, batch_first=True), (1, 5, 10), 5 * 4 * 7 * (10 + 7)),
        (nn.GRU(10, 7, batch_first=True), (1, 5, 10), 5 * 3 * 7 * (10 + 7)),
        # two layers, the second over both directions of the first
        (
            nn.GRU(10, 7, num_layers=2, bidirectional=True, batch_first=True),
            (1, 5, 10),
            5 * 2 * 3 * 7 * ((10 + 7) + (14 + 7)),
        ),
        # the state is projected to 3
        (nn.LSTM(10, 7, proj_size=3, batch_first=True), (1, 5, 10), 5 * (4 * 7 * (10 + 3) + 3 * 7)),
        (nn.GRUCell(10, 7), (1, 10), 3 * 7 * (10 + 7)),
        (nn.BatchNorm1d(4), (1, 4, 9), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
def test_multiply_accumulates_are_those_counted_by_hand(
    layer: nn.Module, shape: tuple[int, ...], expected: int, inference: bool
) -> None:
    with torch.inference_mode(inference):
        assert macs(layer, *shape) == expected


def test_the_first_clip_of_a_batch_is_counted_alone() -> None:
    summary = summarise(nn.Linear(10, 7), torch.zeros(32, 10), clip_s=1.0)
    assert (summary.macs, summary.rows[0].shape) == (70, (1, 7))


class FrontEnd(nn.Module):
    """An FFT, which is no product, and a filter bank, which is one."""

    def __init__(self) -> None:
        super().__init__()
        self.power = Power()
        self.register_buffer("bank", torch.ones(4, 9))

    def forward(self, samples: Tensor) -> Tensor:
        bank = self.get_buffer("bank")
        filtered: Tensor = bank @ self.power(samples)
        return filtered


class Power(nn.Module):
    def forward(self, samples: Tensor) -> Tensor:
        windows = samples.unfold(-1, 16, 8)
        return torch.fft.rfft(windows).abs().transpose(1, 2)


def test_a_front_end_is_named_and_only_its_products_count() -> None:
    model = nn.Sequential(FrontEnd(), nn.Conv1d(4, 2, 3))
    summary = summarise(model, torch.zeros(5, 80), clip_s=0.5)
    assert summary.rows == (
        Row(name="0", kind="FrontEnd", shape=(1, 4, 9), parameters=0, macs=4 * 9 * 9),
        Row(name="0.power", kind="Power", shape=(1, 9, 9), parameters=0, macs=0),
        Row(name="1", kind="Conv1d", shape=(1, 2, 7), parameters=26, macs=7 * 2 * 12),
    )
    assert summary.macs == 324 + 168
    assert summary.macs_per_second == 2 * (324 + 168)


class Twice(nn.Module):
    """One layer used twice, its weight shared with a second, beside a layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        self.alias = self.inner[0]
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.alias.weight
        self.idle = nn.Linear(2, 2).requires_grad_(False)

    def forward(self, values: Tensor) -> Tensor:
        answer: Tensor = self.tied(self.alias(self.inner(values * self.scale)))
        return answer


def test_shared_layers_work_twice_and_weigh_once() -> None:
    summary = summarise(Twice(), torch.zeros(1, 3), clip_s=1.0)
    assert [(row.name, row.parameters, row.macs, row.shape) for row in summary.rows] == [
        ("(model)", 3, 0, (1, 3)),
        ("inner.0", 12, 18, (1, 3)),
        ("inner.1", 0, 0, (1, 3)),
        ("tied", 3, 9, (1, 3)),
        ("idle", 6, 0, ()),
    ]
    assert summary.parameters == sum(row.parameters for row in summary.rows) == 24
    assert summary.trainable == 18
    assert summary.macs == 27


class Broken(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        raise ArithmeticError


@pytest.mark.parametrize("last", [nn.Linear(3, 3), Broken()], ids=["whole", "broken"])
def test_the_model_is_left_as_it_was_also_by_an_error(last: nn.Module) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), last).train()
    model[1].eval()  # a frozen normalisation must stay frozen
    before = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        summarise(model, torch.randn(4, 3), clip_s=1.0)
    except ArithmeticError:
        assert isinstance(last, Broken)
    assert [part.training for part in model.modules()] == [True, True, False, True, True]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(("clips", "clip_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_no_clip_is_refused(clips: int, clip_s: float) -> None:
    with pytest.raises(ModelError, match="one clip at least"):
        summarise(nn.Linear(3, 3), torch.zeros(clips, 3), clip_s=clip_s)


@pytest.mark.parametrize(
    ("name", "published"), [("resnet18", 1.814), ("mobilenet_v3_small", 0.057)]
)
def test_on_pictures_the_counts_are_the_published_ones(name: str, published: float) -> None:
    network = build(MODELS[name][0](), bins=224, frames=224, labels=1000)
    summary = summarise(network, torch.zeros(1, 224, 224), clip_s=1.0)
    assert round(summary.macs / 1e9, 3) == published, (
        "in 10^9, as in torchvision's table of weights"
    )


def test_the_table_is_plain_aligned_text() -> None:
    rows = (
        Row(name="conv", kind="Conv1d", shape=(1, 16, 100), parameters=1234, macs=123_400),
        Row(name="head.dense", kind="Linear", shape=(), parameters=5, macs=0),
    )
    summary = Summary(
        rows=rows, parameters=1239, trainable=5, macs=123_400, macs_per_second=246_800
    )
    assert summary.table() == (
        "layer       kind    output    parameters     MACs\n"
        "conv        Conv1d  1x16x100       1,234  123,400\n"
        "head.dense  Linear  not run            5        0\n"
        "\n"
        "parameters                  1,239\n"
        "trainable                       5\n"
        "MACs, one clip            123,400\n"
        "MACs per second of audio  246,800\n"
    )
