"""A GRU whose exported graph leaves the number of frames free."""

from __future__ import annotations

import io
import warnings

import onnxruntime
import pytest
import torch

from sonant.nn.free_gru import FreeGRU


@pytest.fixture(scope="module")
def layer() -> FreeGRU:
    torch.manual_seed(0)
    return FreeGRU(3, 5).eval()


@torch.no_grad()
def test_it_is_the_gru_of_torch(layer: FreeGRU) -> None:
    x = torch.randn(2, 3, 9)
    wanted, _ = layer.gru(x.transpose(1, 2))
    torch.testing.assert_close(layer(x), wanted.transpose(1, 2))


def test_the_graph_takes_any_batch_of_any_length(
    layer: FreeGRU, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            layer,
            (torch.randn(2, 3, 7),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            dynamic_shapes=({0: torch.export.Dim("b", min=1), 2: torch.export.Dim("n", min=1)},),
        )
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 4), (5, 3, 40)):
        x = torch.randn(shape)
        (given,) = session.run(None, {"x": x.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(given), layer(x), atol=1e-5, rtol=0)
