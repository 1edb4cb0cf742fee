"""Chains, residuals, delays and sessions: what they promise besides the laws for everything."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.layers import Conv1d, ConvTranspose1d, MaxPool
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import (
    Chain,
    Delay,
    Pointwise,
    Residual,
    Session,
    Streamable,
    join_states,
    named_leaves,
    split_state,
    state_bytes,
    with_leaves,
)

HALF = Fraction(1, 2)


def ramp(frames: int) -> Tensor:
    """1, 2, 3 and so on."""
    return torch.arange(1.0, frames + 1)[None, None]


def conv(kernel: int, *, stride: int = 1, dilation: int = 1, lookahead: int = 0) -> Conv1d:
    return Conv1d(1, 1, kernel, stride=stride, dilation=dilation, lookahead=lookahead)


def extent(model: Streamable) -> tuple[object, object, object]:
    return model.hop, model.delay, model.receptive_field


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        ([], (1, 0, 1)),
        ([conv(3)], (1, 0, 3)),
        ([conv(3), conv(5, dilation=2)], (1, 0, 11)),
        ([conv(3, stride=2), conv(3, stride=2), conv(3)], (4, 0, 15)),
        ([conv(3, stride=2, lookahead=1), conv(5, lookahead=2)], (2, 5, 11)),
        ([conv(2, stride=5), conv(2)], (5, 0, 7)),
        ([Delay([1], 3), conv(2)], (1, 3, 5)),
        ([conv(3), GRU(1, 1), conv(9, lookahead=4)], (1, 4, None)),
        ([Chain(conv(3, stride=2)), Chain(conv(3, stride=3), conv(2))], (6, 0, 13)),
        ([ConvTranspose1d(1, 1, 4, stride=2)], (HALF, 0, 2)),
        ([ConvTranspose1d(1, 1, 4, stride=2), conv(2, lookahead=1)], (HALF, HALF, 2 + HALF)),
        ([ConvTranspose1d(1, 1, 2, stride=2), conv(3, stride=2)], (1, 0, 2)),
        ([conv(6, stride=6), ConvTranspose1d(1, 1, 2, stride=2)], (3, 0, 6)),
    ],
)
def test_a_chain_adds_up_hop_delay_and_receptive_field(
    layers: list[Streamable], wanted: tuple[object, object, object]
) -> None:
    chain = Chain(*layers)
    assert extent(chain) == wanted
    assert list(chain) == layers


def test_sums_of_fractions_that_come_out_whole_are_whole_numbers() -> None:
    chain = Chain(ConvTranspose1d(1, 1, 2, stride=2), conv(3, stride=2))
    assert [type(value) for value in extent(chain)] == [int, int, int]


@pytest.mark.parametrize(
    ("body", "shortcut"),
    [
        (conv(3, lookahead=1), None),
        (conv(3, stride=2), None),
        (conv(3, stride=2), conv(1, stride=3)),
        (conv(3), Delay([1], 1)),
    ],
)
def test_a_residual_out_of_step_is_refused_with_what_to_do(
    body: Streamable, shortcut: Streamable | None
) -> None:
    with pytest.raises(ModelError, match=r"not in step: hop .* delay .*Delay"):
        Residual(body, shortcut)


def test_a_residual_held_back_adds_what_belongs_together() -> None:
    centred = conv(3, lookahead=1)
    nn.init.constant_(centred.conv.weight, 1.0)
    nn.init.zeros_(centred.conv.bias)
    residual = Residual(centred, Delay([1], 1))
    assert extent(residual) == (1, 1, 3)
    # Around every frame the sum of three, and the frame; one frame late.
    assert residual(ramp(5)).flatten().tolist() == [1, 4, 8, 12, 16]


def test_a_residual_sees_as_far_as_its_farther_branch() -> None:
    assert Residual(conv(3), conv(7)).receptive_field == 7
    assert Residual(GRU(1, 1), conv(7)).receptive_field is None


def test_a_delay_gives_the_input_later() -> None:
    assert Delay([1], 2)(ramp(5)).flatten().tolist() == [0, 0, 1, 2, 3]
    assert Delay([1], 0)(ramp(3)).flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("span", "stride", "lookahead"), [(0, 1, 0), (3, 0, 0), (3, 1, 3), (3, 1, -1)]
)
def test_a_window_that_makes_no_sense_is_refused(span: int, stride: int, lookahead: int) -> None:
    with pytest.raises(ModelError, match=r"window of .* frames"):
        Conv1d(1, 1, span, stride=stride, lookahead=lookahead)


def test_a_session_answers_as_soon_as_a_hop_is_whole() -> None:
    session = Session(MaxPool([1], 3, stride=3))
    assert session.push(ramp(2)).shape == (1, 1, 0)
    assert session.push(ramp(5)).flatten().tolist() == [2, 4]
    assert session.push(ramp(2)).flatten().tolist() == [5]


@settings(max_examples=30, deadline=None)
@given(
    frames=st.integers(0, 30),
    stride=st.integers(1, 4),
    lookahead=st.integers(0, 6),
    cut=st.integers(1, 9),
)
def test_finishing_answers_for_every_frame(
    frames: int, stride: int, lookahead: int, cut: int
) -> None:
    layer = Conv1d(1, 1, 7, stride=stride, lookahead=lookahead, bias=False)
    # An answer is the frame that it trails by the delay.
    layer.conv.weight.data = torch.eye(7)[6 - lookahead].view(1, 1, 7)
    session = Session(layer)
    answers = [session.push(piece) for piece in ramp(frames).split(cut, -1) if frames]

    answers.append(session.finish())

    found = torch.cat(answers, -1).flatten()
    ends = stride * torch.arange(1, found.numel() + 1)
    belongs = ends - lookahead
    heard = (belongs >= 1) & (belongs <= frames)
    assert torch.equal(found, torch.where(heard, belongs, 0).float())
    assert frames + lookahead <= stride * found.numel() < frames + lookahead + 2 * stride


def test_finishing_a_session_that_looks_at_nothing_ahead_adds_nothing() -> None:
    session = Session(conv(3))
    session.push(ramp(4))
    assert session.finish().shape == (1, 1, 0)


def test_a_session_is_warm_when_no_silence_is_left_in_its_receptive_field() -> None:
    session = Session(Chain(conv(3, stride=2), conv(2)))  # sees 5 frames, answers every second
    told = []
    for _ in range(4):
        session.push(ramp(2))
        told.append(session.warm)
    assert told == [False, False, True, True]
    session.reset()
    assert not session.warm


def test_what_remembers_for_ever_is_warm_from_its_first_answer() -> None:
    session = Session(GRU(1, 2))
    assert not session.warm
    session.push(ramp(1))
    assert session.warm


def test_a_session_wants_whole_hops() -> None:
    with pytest.raises(ModelError, match=r"whole number of frames a step, not 1/2"):
        Session(ConvTranspose1d(1, 1, 2, stride=2))


def test_a_session_keeps_no_graph_for_gradients() -> None:
    session = Session(conv(3))
    assert not session.push(ramp(3)).requires_grad
    assert not session.state.requires_grad


def test_a_state_is_named_by_place_and_filled_in_the_same_order() -> None:
    chain = Chain(conv(3), Pointwise(nn.ReLU()), Residual(Chain(conv(2), conv(1))), Delay([1], 2))
    state = chain.initial_state(ramp(1))
    leaves = named_leaves(state)
    assert list(leaves) == ["state.0", "state.2.0.0", "state.3"]
    other = {name: torch.full_like(leaf, at) for at, (name, leaf) in enumerate(leaves.items())}
    found = named_leaves(with_leaves(state, iter(other.values())))
    assert list(found) == list(other)
    assert all(torch.equal(found[name], other[name]) for name in other)


def test_states_joined_and_split_are_what_they_were() -> None:
    chain = Chain(conv(3), GRU(1, 2), Pointwise(nn.ReLU()))
    states = [chain.step(seed * ramp(4), chain.initial_state(ramp(1)))[1] for seed in (1, 2, 3)]
    again = split_state(join_states(states), 3)
    for state, copy in zip(states, again, strict=True):
        before, after = named_leaves(state), named_leaves(copy)
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_bytes_are_those_of_one_stream() -> None:
    chain = Chain(Conv1d(3, 4, 5), GRU(4, 6), Delay([6], 2))
    one = chain.initial_state(torch.zeros(1, 3, 1))
    assert state_bytes(one) == 4 * (3 * 4 + 6 + 6 * 2)


def test_the_last_answer_of_a_chain_costs_only_the_last_window_of_its_last_layer() -> None:
    class Counting(nn.Module):
        frames = 0

        def forward(self, x: Tensor) -> Tensor:
            self.frames += x.shape[-1]
            return x

    before, after = Counting(), Counting()
    chain = Chain(Pointwise(before), conv(3), Pointwise(after))
    assert chain.last(ramp(20)).shape == (1, 1, 1)
    assert (before.frames, after.frames) == (20, 1)
