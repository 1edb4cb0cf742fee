"""A two-way LSTM over clips that differ in length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from sonant.export.onnx import quietly
from sonant.nn.free_lstm import FreeBiLSTM, turned


def both_ways(hidden: int = 3) -> FreeBiLSTM:
    torch.manual_seed(0)
    return FreeBiLSTM(4, hidden).eval()


@torch.no_grad()
def test_it_is_torch_s_own_two_way_lstm() -> None:
    ours = both_ways()
    torchs = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    weights = dict(torchs.named_parameters())
    for name, weight in ours.onward.named_parameters():
        weights[name].copy_(weight)
    for name, weight in ours.back.named_parameters():
        weights[f"{name}_reverse"].copy_(weight)
    x = torch.randn(2, 4, 7)
    wanted = torchs(x.transpose(1, 2))[0].transpose(1, 2)
    torch.testing.assert_close(ours(x, torch.ones(2, 7)), wanted)


@torch.no_grad()
def test_neither_batch_mates_nor_what_stands_behind_change_an_answer() -> None:
    ours = both_ways()
    x = torch.randn(2, 4, 9)
    mask = torch.tensor([[1.0] * 9, [1.0] * 5 + [0.0] * 4])
    found = ours(x, mask)
    alone = ours(x[1:, :, :5], torch.ones(1, 5))
    torch.testing.assert_close(found[1:, :, :5], alone)


def test_a_clip_s_own_frames_are_turned_round_and_the_others_stay() -> None:
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert turned(mask).tolist() == [[2, 1, 0, 3], [3, 2, 1, 0]]


def test_its_graph_takes_any_number_of_frames(tmp_path: Path) -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = both_ways()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.inner(x, torch.ones_like(x[:, 0]))
            return y

    model, path = Whole().eval(), tmp_path / "lstm.onnx"
    sizes = ({0: torch.export.Dim("batch"), 2: torch.export.Dim("frames")},)
    with quietly(), torch.no_grad():
        program = torch.onnx.export(
            model, (torch.randn(2, 4, 7),), dynamo=True, verbose=False, dynamic_shapes=sizes
        )
    assert program is not None
    program.save(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch, frames in ((1, 12), (3, 2)):
        x = torch.randn(batch, 4, frames)
        (given,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(given, model(x).numpy(), atol=1e-5)
