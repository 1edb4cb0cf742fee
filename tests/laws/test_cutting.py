"""The answer to a signal never depends on how it was cut, on its batch mates or on what ran before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from laws.subjects import (
    EVERYTHING,
    FRONT_ENDS,
    LAYERS,
    NETWORKS,
    SPEAKERS,
    TOLERANCE,
    UTTERANCES,
    VOCODING,
    Subject,
    each,
    unit,
)
from sonant.nn.streaming import (
    Session,
    State,
    Streamable,
    join_states,
    named_leaves,
    split_state,
)

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")

TEN_MINUTES = 60_000
"""Frames of 10 ms."""
TEN_SECONDS = 1_000


def same(given: Tensor, wanted: Tensor) -> None:
    """To 1e-5 of the greatest value, or of 1 where all are smaller."""
    assert given.shape == wanted.shape
    worst = (given - wanted).abs().max().item()
    assert worst <= TOLERANCE * max(1.0, wanted.abs().max().item())


@torch.no_grad()
def stepped(
    model: Streamable, x: Tensor, hops: Sequence[int], state: State | None = None
) -> tuple[Tensor, State]:
    """Piece by piece, each so many hops, and the rest."""
    state = model.initial_state(x) if state is None else state
    answers = []
    for piece in pieces(model, x, hops):
        y, state = model.step(piece, state)
        answers.append(y)
    return torch.cat(answers, -1), state


def pieces(model: Streamable, x: Tensor, hops: Sequence[int]) -> Iterator[Tensor]:
    for count in hops:
        if x.shape[-1]:
            yield x[..., : count * unit(model)]
            x = x[..., count * unit(model) :]
    if x.shape[-1]:
        yield x


CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@each(*LAYERS, *FRONT_ENDS, *UTTERANCES)
@settings(max_examples=10, deadline=None)
@given(cuts=CUTS, seed=st.integers(0, 99))
def test_however_a_signal_is_cut_the_answer_is_that_to_the_whole(
    subject: Subject, cuts: list[int], seed: int
) -> None:
    model = subject.built()
    x = subject.noise(30, model=model, batch=2, seed=seed)
    with torch.no_grad():
        same(stepped(model, x, cuts)[0], model(x))


@each(*NETWORKS, *SPEAKERS, *VOCODING)
@pytest.mark.parametrize("cuts", [(1,) * 8, (3, 1, 20, 2)], ids=str)
def test_however_a_signal_is_cut_a_network_answers_as_to_the_whole(
    subject: Subject, cuts: tuple[int, ...]
) -> None:
    model = subject.built()
    x = subject.noise(80, model=model, batch=2)
    with torch.no_grad():
        same(stepped(model, x, cuts)[0], model(x))


@each(*(subject for subject in EVERYTHING if isinstance(subject.built().hop, int)))
def test_a_session_takes_any_number_of_frames(subject: Subject) -> None:
    model = subject.built()
    assert isinstance(model.hop, int)
    session = Session(model, shape=subject.shape, batch=2)
    draw = Random(0)
    x = subject.noise(40, model=model, batch=2)
    answers, rest = [], x
    while rest.shape[-1]:
        count = draw.choice([1, draw.randint(1, 3 * model.hop)])
        answers.append(session.push(rest[..., :count]))
        rest = rest[..., count:]
    with torch.no_grad():
        same(torch.cat(answers, -1), model(x))


@each(*EVERYTHING)
def test_a_stream_in_a_batch_is_answered_as_it_is_alone(subject: Subject) -> None:
    model = subject.built()
    x = subject.noise(25, model=model, batch=3)
    with torch.no_grad():
        together = model(x)
        for number in range(3):
            same(together[number : number + 1], model(x[number : number + 1]))


@each(*EVERYTHING)
def test_streams_of_any_age_go_together(subject: Subject) -> None:
    model = subject.built()
    streams = [subject.noise(40, model=model, seed=seed) for seed in range(3)]
    starts = [0, 4 * unit(model), 11 * unit(model)]
    pasts = [
        stepped(model, x[..., :at], [])[1] if at else model.initial_state(x)
        for x, at in zip(streams, starts, strict=True)
    ]
    now = [x[..., at : at + 6 * unit(model)] for x, at in zip(streams, starts, strict=True)]

    together, state = stepped(model, torch.cat(now), [1, 2], join_states(pasts))

    for number, after in enumerate(split_state(state, 3)):
        alone, wanted = stepped(model, now[number], [1, 2], pasts[number])
        same(together[number : number + 1], alone)
        for found, leaf in zip(
            named_leaves(after).values(), named_leaves(wanted).values(), strict=True
        ):
            same(found, leaf)


@each(*LAYERS, *NETWORKS, *SPEAKERS)
def test_ten_minutes_without_a_reset_are_answered_as_one_signal(subject: Subject) -> None:
    model = subject.built()
    frames = TEN_MINUTES if subject.long else TEN_SECONDS
    x = subject.noise(frames // unit(model), model=model)
    draw = Random(0)
    cuts = [draw.choice([1, 1, frames // 500, frames // 40]) for _ in range(100)]
    with torch.no_grad():
        same(stepped(model, x, cuts)[0], model(x))


@each(*EVERYTHING)
def test_a_reset_leaves_exactly_the_state_of_a_new_stream_which_is_zeros(subject: Subject) -> None:
    model = subject.built()
    x = subject.noise(20, model=model)
    fresh = model.initial_state(x)
    assert all(not leaf.any() for leaf in named_leaves(fresh).values())
    assert all(leaf.is_floating_point() for leaf in named_leaves(fresh).values())
    assert all(leaf.numel() for leaf in named_leaves(fresh).values())
    if not isinstance(model.hop, int):
        return
    session = Session(model, shape=subject.shape)
    first = session.push(x)
    session.push(x[..., : 1 + model.hop // 2])

    session.reset()

    found = named_leaves(session.state)
    assert found.keys() == named_leaves(fresh).keys()
    assert all(torch.equal(found[name], leaf) for name, leaf in named_leaves(fresh).items())
    assert torch.equal(session.push(x), first)


@each(*EVERYTHING)
def test_a_step_leaves_the_form_of_the_state_and_what_it_was_given_as_they_were(
    subject: Subject,
) -> None:
    model = subject.built()
    x = subject.noise(3, model=model, batch=2)
    _, before = stepped(model, x, [])
    leaves = named_leaves(before)
    copies = {name: leaf.clone() for name, leaf in leaves.items()}
    kept = x.clone()

    _, after = stepped(model, x, [], before)

    assert [(name, leaf.shape, leaf.dtype) for name, leaf in named_leaves(after).items()] == [
        (name, leaf.shape, leaf.dtype) for name, leaf in leaves.items()
    ]
    assert torch.equal(x, kept)
    assert all(torch.equal(leaves[name], copy) for name, copy in copies.items())


@each(*EVERYTHING)
@pytest.mark.parametrize("hops", [2, 90])
def test_the_last_answer_alone_is_the_last_of_all(subject: Subject, hops: int) -> None:
    model = subject.built()
    x = subject.noise(hops, model=model, batch=2)
    with torch.no_grad():
        same(model.last(x), model(x)[..., -1:])
