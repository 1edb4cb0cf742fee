"""The LSTM of kws_streaming."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.lstm import LSTMConfig, PeepholeLSTM
from sonant.nn.streaming import Session


def test_the_default_has_the_published_545_thousand_parameters() -> None:
    network = build(LSTMConfig(), bins=20, frames=49, labels=12)
    assert sum(weight.numel() for weight in network.parameters()) == 545_912


def test_gates_peep_at_the_cell_and_hear_the_projection_of_the_output() -> None:
    torch.manual_seed(0)
    layer, x = PeepholeLSTM(4, 6, projection=3), torch.randn(1, 4, 7)
    nn.init.normal_(layer.peepholes)
    weights = {name: weight.detach().numpy() for name, weight in layer.named_parameters()}
    output, cell, expected = np.zeros(3), np.zeros(6), []
    for frame in x[0].T.numpy():
        gates = weights["hear.weight"][..., 0] @ frame + weights["hear.bias"]
        enter, forget, fresh, leave = (gates + weights["recall.weight"] @ output).reshape(4, 6)
        peeps = weights["peepholes"]
        enter, forget = sigmoid(enter + peeps[0] * cell), sigmoid(forget + peeps[1] * cell)
        cell = forget * cell + enter * np.tanh(fresh)
        output = weights["project.weight"] @ (sigmoid(leave + peeps[2] * cell) * np.tanh(cell))
        expected.append(output)
    made = layer(x)[0].T.detach().numpy()
    np.testing.assert_allclose(made, np.stack(expected), atol=1e-5)


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
def test_without_peepholes_it_is_the_projected_lstm_of_torch() -> None:
    torch.manual_seed(0)
    layer, x = PeepholeLSTM(4, 6, projection=3), torch.randn(2, 4, 7)
    peer = nn.LSTM(4, 6, proj_size=3, batch_first=True)
    given = {
        "weight_ih_l0": layer.hear.weight[..., 0],
        "weight_hh_l0": layer.recall.weight,
        "bias_ih_l0": layer.hear.bias,
        "bias_hh_l0": torch.zeros(24),
        "weight_hr_l0": layer.project.weight,
    }
    peer.load_state_dict(given)
    torch.testing.assert_close(
        layer(x), peer(x.transpose(1, 2))[0].transpose(1, 2), atol=1e-5, rtol=1e-5
    )


def test_it_begins_with_a_recurrence_that_keeps_lengths_and_a_gate_that_remembers() -> None:
    network = build(LSTMConfig(hidden=8, projection=4), bins=5, frames=9, labels=3)
    (layer,) = (part for part in network.modules() if isinstance(part, PeepholeLSTM))
    recall = layer.recall.weight
    torch.testing.assert_close(recall.T @ recall, torch.eye(4), atol=1e-5, rtol=0)
    assert layer.hear.bias is not None
    assert layer.hear.bias.view(4, 8).mean(1).tolist() == [0, 1, 0, 0]


def sigmoid(values: NDArray[np.floating]) -> NDArray[np.floating]:
    squashed: NDArray[np.floating] = 1 / (1 + np.exp(-values))
    return squashed


def test_its_state_is_silence_batch_first_and_goes_on_where_it_was() -> None:
    torch.manual_seed(0)
    layer, x = PeepholeLSTM(4, 6, projection=3), torch.randn(2, 4, 9)
    state = layer.initial_state(x)
    assert isinstance(state, tuple)
    assert [tuple(part.shape) for part in state if isinstance(part, Tensor)] == [(2, 3), (2, 6)]
    session = Session(layer, shape=[4], batch=2)
    pieces = [session.push(part) for part in torch.split(x, [1, 3, 5], -1)]
    torch.testing.assert_close(torch.cat(pieces, -1), layer(x), atol=1e-5, rtol=1e-5)


def test_without_a_projection_it_gives_its_cells_width() -> None:
    config = LSTMConfig(hidden=8, projection=0, units=(5,), unit_activations=("relu",))
    network = build(config, bins=4, frames=9, labels=3)
    assert sum(w.numel() for w in network.parameters()) == 4 * 8 * (4 + 8 + 2) + 9 * 5 + 6 * 3
    assert network(torch.zeros(2, 4, 9)).shape == (2, 3, 9)


def test_a_projection_wider_than_the_cell_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"projection: 8 is not between 0 \(none\) and hidden, 8"):
        LSTMConfig(hidden=8, projection=8)
