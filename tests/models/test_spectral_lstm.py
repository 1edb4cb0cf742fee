"""One LSTM over frames."""

from __future__ import annotations

import numpy as np
import torch

from sonant.models import build
from sonant.models.spectral_lstm import SpectralLSTM, SpectralLSTMConfig


def built(*, units: int = 8, dropout: float = 0.1) -> SpectralLSTM:
    torch.manual_seed(0)
    config = SpectralLSTMConfig(units=units, dropout=dropout)
    network = build(config, bins=10, frames=6, labels=3)
    assert isinstance(network, SpectralLSTM)
    return network


def test_it_has_a_state_of_256() -> None:
    network = build(SpectralLSTMConfig(), bins=257, frames=121, labels=8)
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    assert shapes["lstm.weight_ih_l0"] == (4 * 256, 257)
    assert shapes["dense.weight"] == (8, 256)


def test_the_answer_is_the_last_state_of_the_textbook_recurrence() -> None:
    network = built().eval()
    features = torch.randn(1, 10, 6)
    w_in, w_state, b_in, b_state = (weight.detach().numpy() for weight in network.lstm.parameters())
    state = cell = np.zeros(8)
    for frame in features[0].T.numpy():
        gates = (w_in @ frame + b_in + w_state @ state + b_state).reshape(4, 8)
        enter, forget, leave = (1 / (1 + np.exp(-gates[i])) for i in (0, 1, 3))
        cell = forget * cell + enter * np.tanh(gates[2])
        state = leave * np.tanh(cell)
    expected = network.dense(torch.from_numpy(state).float()[None])
    torch.testing.assert_close(network(features), expected, atol=1e-5, rtol=1e-5)


def test_dropout_takes_the_same_bins_in_every_frame_of_a_clip_and_others_in_the_next() -> None:
    network = built(dropout=0.5).train()
    dropped = network.dropout(torch.ones(20, 10, 6)) == 0
    assert dropped.any()
    assert not dropped.all()
    assert torch.equal(dropped, dropped[:, :, :1].expand_as(dropped)), "whole rows of time"
    assert len({tuple(clip[:, 0].tolist()) for clip in dropped}) > 1, "each clip its own"
    assert not (network.eval().dropout(torch.ones(20, 10, 6)) == 0).any()


def test_any_number_of_frames_will_do() -> None:
    assert built()(torch.randn(2, 10, 31)).shape == (2, 3)
