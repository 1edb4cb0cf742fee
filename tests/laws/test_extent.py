"""Hop, delay and receptive field are what a model says they are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from laws.subjects import EVERYTHING, Subject, each, unit
from sonant.nn.streaming import Streamable

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def field_of(model: Streamable) -> int | None:
    return None if model.receptive_field is None else math.ceil(model.receptive_field)


@torch.no_grad()
def changed(subject: Subject, model: Streamable, x: Tensor, *, frames: slice) -> bool:
    """Whether the answers to the newest input frame change with the input at `frames`."""
    other = x.clone()
    other[..., frames] = subject.noise(1, model=model, seed=9).mean() + 3 * x[..., frames].flip(0)
    return not torch.equal(newest(model, model(x)), newest(model, model(other)))


def newest(model: Streamable, y: Tensor) -> Tensor:
    """The answers to the newest frame of the input."""
    return y[..., -max(1, int(1 / model.hop)) :]


def sound(subject: Subject, model: Streamable, *, frames: int) -> Tensor:
    """At least so many frames, in whole hops, from eight streams."""
    return subject.noise(math.ceil(frames / model.hop), model=model, batch=8)


@each(*EVERYTHING)
@pytest.mark.parametrize("hops", [1, 2, 7])
def test_there_is_one_answer_for_each_hop(subject: Subject, hops: int) -> None:
    model = subject.built()
    x = subject.noise(hops, model=model)
    with torch.no_grad():
        assert model(x).shape[-1] * model.hop == x.shape[-1]


@each(*EVERYTHING)
def test_an_answer_depends_on_no_frame_beyond_the_receptive_field(subject: Subject) -> None:
    model = subject.built()
    field = field_of(model)
    if field is None:
        return
    x = sound(subject, model, frames=2 * field + 10)
    older = x.shape[-1] - field
    assert older > 0
    assert not changed(subject, model, x, frames=slice(0, older))


@each(*EVERYTHING)
def test_an_answer_depends_on_the_oldest_frame_of_the_receptive_field(subject: Subject) -> None:
    model = subject.built()
    field = field_of(model)
    if field is None:
        x = subject.noise(6, model=model, batch=8)
        assert changed(subject, model, x, frames=slice(0, unit(model)))
        return
    # By the gradient, in double precision: far frames of a deep network weigh less than rounding.
    model = model.double()
    x = sound(subject, model, frames=field + 10).double().requires_grad_()
    newest(model, model(x)).square().sum().backward()
    assert x.grad is not None
    oldest = x.shape[-1] - field + subject.blind
    assert x.grad[..., oldest].any()


@each(*EVERYTHING)
def test_an_answer_depends_on_the_frame_that_it_trails_by_its_delay(subject: Subject) -> None:
    model = subject.built()
    # Three hops at least: the first frame less its mean so far is nothing, whatever it was.
    x = sound(subject, model, frames=max(field_of(model) or 60, 2 * unit(model)) + 10)
    at = x.shape[-1] - 1 - int(model.delay)
    assert 0 <= model.delay < (field_of(model) or math.inf)
    assert changed(subject, model, x, frames=slice(at - subject.blind, at + 1))
