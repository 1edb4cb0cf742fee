"""Recurrent layers against torch's own, and SVDF against its formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.nn.recurrent import GRU, LSTM, SVDF
from sonant.nn.streaming import named_leaves


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gru_is_torchs_with_time_last_and_exactly_the_same_in_steps(layers: int) -> None:
    gru = GRU(3, 5, layers=layers)
    x = noise(2, 3, 20)
    y = gru(x)
    assert torch.equal(y, gru.gru(x.transpose(1, 2))[0].transpose(1, 2))
    state = gru.initial_state(x)
    steps = []
    for frame in x.split(1, -1):
        answer, state = gru.step(frame, state)
        steps.append(answer)
    assert torch.equal(torch.cat(steps, -1), y)


@pytest.mark.parametrize("layers", [1, 2])
def test_an_lstm_is_torchs_with_time_last_and_exactly_the_same_in_steps(layers: int) -> None:
    lstm = LSTM(3, 5, layers=layers)
    x = noise(2, 3, 20)
    y = lstm(x)
    assert torch.equal(y, lstm.lstm(x.transpose(1, 2))[0].transpose(1, 2))
    state = lstm.initial_state(x)
    steps = []
    for frame in x.split(1, -1):
        answer, state = lstm.step(frame, state)
        steps.append(answer)
    assert torch.equal(torch.cat(steps, -1), y)


def test_states_are_batch_first() -> None:
    x = noise(7, 3, 2)
    gru, lstm = GRU(3, 5, layers=2), LSTM(3, 5, layers=2)
    for layer, count in ((gru, 1), (lstm, 2)):
        _, after = layer.step(x, layer.initial_state(x))
        leaves = named_leaves(after).values()
        assert [leaf.shape for leaf in leaves] == [(7, 2, 5)] * count


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_unit_of_svdf_sums_pairs_of_a_frequency_filter_and_a_time_filter(rank: int) -> None:
    svdf = SVDF(4, 3, memory=5, rank=rank)
    torch.nn.init.normal_(svdf.bias)
    x = noise(2, 4, 12)
    past = torch.cat([x.new_zeros(2, 4, 4), x], -1)
    frequency = svdf.features.weight.view(3, rank, 4)
    time = svdf.filters.conv.weight.view(3, rank, 5)
    wanted = torch.einsum("uri,urm,bitm->but", frequency, time, past.unfold(-1, 5, 1))
    torch.testing.assert_close(svdf(x), wanted + svdf.bias[:, None])


def test_svdf_keeps_features_and_not_inputs() -> None:
    svdf = SVDF(40, 3, memory=5, rank=2)
    (leaf,) = named_leaves(svdf.initial_state(noise(1, 40, 1))).values()
    assert leaf.shape == (1, 6, 4)
    assert sum(weight.numel() for weight in svdf.parameters()) == 40 * 6 + 6 * 5 + 3
