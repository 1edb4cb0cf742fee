"""Training reaches every weight."""

from __future__ import annotations

import pytest
import torch

from laws.subjects import LAYERS, NETWORKS, SPEAKERS, VOCODING, Subject, each

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


@each(*LAYERS, *NETWORKS, *SPEAKERS, *VOCODING)
def test_gradients_reach_the_input_and_all_weights(subject: Subject) -> None:
    model = subject.built().train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = subject.noise(60, model=model, batch=4).requires_grad_()
        y = model(x)
        (y * torch.randn_like(y)).sum().backward()
    assert x.grad is not None
    assert x.grad.any()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


@each(*NETWORKS, *SPEAKERS)
def test_gradients_reach_all_weights_from_the_answer_to_a_clip(subject: Subject) -> None:
    model = subject.built().train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        y = model.last(subject.noise(60, model=model, batch=4))
        (y * torch.randn_like(y)).sum().backward()
    silent = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert silent == []
