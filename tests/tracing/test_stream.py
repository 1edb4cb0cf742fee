"""A gallery of networks, streamed: the answers are the module's own, and the latency is the one on paper."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

import sonant
from sonant.errors import ModelError
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Session, join_states, split_state
from sonant.tracing import Traced
from tracing.nets import GALLERY, Case

every_network = pytest.mark.parametrize("name", GALLERY)


@cache
def traced(name: str) -> Traced:
    case = GALLERY[name]
    return sonant.stream(case.built(), case.example(), time_axis=case.time_axis)


def as_stream(case: Case, x: Tensor) -> Tensor:
    """The module's input as the stream takes it."""
    return x[:, None] if x.dim() == 2 else x.movedim(case.time_axis, -1)


def answer(case: Case, module: nn.Module, x: Tensor) -> Tensor:
    """The module's answer, time last; one frame for a clip."""
    with torch.no_grad():
        y: Tensor = module(x)
    return y.unsqueeze(-1) if case.summary else y.movedim(case.time_axis, -1)


@every_network
@pytest.mark.parametrize("chunk", [None, 1, 2, 5])
def test_a_clip_gets_the_answer_of_the_module_at_every_frame(name: str, chunk: int | None) -> None:
    case, stream = GALLERY[name], traced(name)
    x = torch.cat([case.example(seed) for seed in (5, 6, 7)])
    with torch.no_grad():
        given = stream.clip(as_stream(case, x), chunk=chunk)
    expected = answer(case, stream.module, x)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-4)


@every_network
def test_clips_of_other_lengths_agree_too_where_the_module_takes_them(name: str) -> None:
    case, stream = GALLERY[name], traced(name)
    if case.summary:
        pytest.skip("its answer depends on the length of the clip")
    time = case.time_axis
    for more in (1, 2, 3, 7):
        x = torch.cat([case.example(8), case.example(9).narrow(time, 0, more)], time)
        with torch.no_grad():
            given = stream.clip(as_stream(case, x), chunk=2)
        expected = answer(case, stream.module, x)
        torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-4)


@every_network
def test_the_latency_is_the_one_worked_out_on_paper(name: str) -> None:
    case, stream = GALLERY[name], traced(name)
    assert (stream.hop, stream.delay, stream.receptive_field) == (case.hop, case.delay, case.field)


@every_network
def test_no_answer_depends_on_more_than_the_receptive_field(name: str) -> None:
    stream = traced(name)
    if stream.receptive_field is None:
        pytest.skip("it depends on all it ever heard")
    field, hop = int(stream.receptive_field), int(stream.hop)
    hops = -(-2 * (field + stream.delay) // hop) + 2
    x = torch.randn(1, *stream.shape, hops * hop, requires_grad=True)
    stream(x)[..., -1].square().sum().backward()
    assert x.grad is not None
    touched = x.grad.abs().flatten(0, -2).amax(0).nonzero().flatten()
    assert int(touched.max() - touched.min()) + 1 <= field


@every_network
def test_a_live_session_gives_what_the_whole_signal_gives(name: str) -> None:
    stream = traced(name)
    x = torch.randn(1, *stream.shape, 40 * int(stream.hop))
    session = Session(stream, shape=stream.shape)
    parts = [session.push(part) for part in x.split([3, 1, 8, x.shape[-1] - 12], -1)]
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(parts, -1), stream(x), atol=1e-5, rtol=1e-4)


@every_network
def test_streams_of_different_age_share_a_batch(name: str) -> None:
    stream = traced(name)
    hop = int(stream.hop)
    old, new = torch.randn(2, 1, *stream.shape, 6 * hop)
    with torch.no_grad():
        _, aged = stream.step(old, stream.initial_state(old))
        states = join_states([aged, stream.initial_state(new)])
        y, after = stream.step(torch.cat([old, new]), states)
        alone, kept = stream.step(new, stream.initial_state(new))
    torch.testing.assert_close(y[1:], alone, atol=1e-5, rtol=1e-4)
    assert len(split_state(after, 2)[1]) == len(kept)


@every_network
def test_a_fresh_state_is_all_zeros(name: str) -> None:
    stream = traced(name)
    state = stream.initial_state(torch.ones(2, *stream.shape, 4))
    assert isinstance(state, tuple)
    leaves = [leaf for part in state for leaf in (part if isinstance(part, tuple) else (part,))]
    for leaf in leaves:
        assert isinstance(leaf, Tensor)
        assert leaf.shape[0] == 2
        assert leaf.is_floating_point()
        assert leaf.numel() > 0
        assert not leaf.any()


def test_what_streams_already_is_sent_back() -> None:
    with pytest.raises(ModelError, match="Conv1d is a Streamable already"):
        sonant.stream(Conv1d(2, 2, 3))
