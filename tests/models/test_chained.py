"""A network as a chain of layers: its answers in a stream and to a clip."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.models.chained import Chained, image, rows
from sonant.nn.layers import Conv1d, Conv2d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Pointwise, Session, Streamable
from sonant.nn.windows import WindowFlatten


class Windows(Chained):
    """Windows alone: stride 2, receptive field 3 + 2 * (3 - 1) = 7."""

    def __init__(self) -> None:
        super().__init__(
            image(4),
            Conv2d(1, 3, (3, 2), bins=4, stride=(2, 1)),
            Pointwise(nn.ReLU()),
            rows(),
            WindowFlatten([9], 3),
        )


class Endless(Chained):
    """A recurrence among them."""

    def __init__(self) -> None:
        super().__init__(Conv1d(4, 3, 3), GRU(3, 2))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_hop_and_receptive_field_are_those_of_the_chain() -> None:
    assert (Windows().hop, Windows().delay, Windows().receptive_field) == (2, 0, 7)
    assert Endless().receptive_field is None


@pytest.mark.parametrize("network", [Windows(), Endless()], ids=["windows", "endless"])
def test_a_stream_gives_what_the_whole_signal_gives(network: Streamable) -> None:
    x = torch.randn(2, 4, 20)
    session = Session(network, shape=[4], batch=2)
    pieces = [session.push(part) for part in torch.split(x, [1, 6, 2, 11], -1)]
    torch.testing.assert_close(torch.cat(pieces, -1), network(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frames", [2, 6, 8, 20])
@pytest.mark.parametrize("network", [Windows(), Endless()], ids=["windows", "endless"])
def test_the_answer_to_a_clip_is_the_last_of_its_frames(network: Streamable, frames: int) -> None:
    x = torch.randn(2, 4, frames)
    torch.testing.assert_close(network.last(x), network(x)[..., -1:], atol=1e-5, rtol=1e-5)


def test_a_clip_that_fills_the_windows_is_seen_without_a_past() -> None:
    network, places = Windows(), []
    convolution = next(part for part in network.modules() if isinstance(part, nn.Conv2d))
    convolution.register_forward_hook(lambda layer, given, made: places.append(made.shape[-1]))
    network.last(torch.randn(1, 4, 20))
    assert places == [3], "the three frames of the window and no more"
