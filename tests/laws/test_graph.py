"""What is exported answers as the model does, step after step, with the state fed back."""

from __future__ import annotations

import io
import logging
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from laws.subjects import EVERYTHING, TOLERANCE, Subject, each, unit
from sonant.export.one_hop import rewritten
from sonant.nn.streaming import Streamable, named_leaves, with_leaves

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")
STEPS = 12


class Step(nn.Module):
    """A step as the exporter wants it: tensors in, tensors out."""

    def __init__(self, model: Streamable, like: Tensor) -> None:
        super().__init__()
        self.model = model
        self.form = model.initial_state(like)

    def forward(self, x: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        y, after = self.model.step(x, with_leaves(self.form, iter(leaves)))
        return y, *named_leaves(after).values()


def graph(model: Streamable, x: Tensor) -> onnx.ModelProto:
    """One step as ONNX, with a free batch and the state by name."""
    leaves = named_leaves(model.initial_state(x))
    free = {0: torch.export.Dim("batch", min=1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Step(model, x),
            (x, *leaves.values()),
            dynamo=True,
            verbose=False,
            input_names=["x", *leaves],
            output_names=["y", *(f"{name}.next" for name in leaves)],
            dynamic_shapes=(free, tuple(free for _ in leaves)) if leaves else (free,),
        )
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    return onnx.load_from_string(file.getvalue())


def opened(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, ["CPUExecutionProvider"]
    )


@each(*EVERYTHING)
def test_the_exported_step_answers_as_the_model(
    subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="torch.onnx")
    model = subject.built()
    x = subject.noise(STEPS, model=model, batch=3)
    with torch.no_grad():
        wanted, final = model.step(x, model.initial_state(x))
    tensors = [wanted, *named_leaves(final).values()]
    limits = [subject.rounding + TOLERANCE * max(1.0, part.abs().max().item()) for part in tensors]
    written = graph(model, x[:2, ..., : unit(model)])
    plain = answered(written, model, x)
    for found, tensor, limit in zip(plain, tensors, limits, strict=True):
        np.testing.assert_allclose(found, tensor.numpy(), rtol=0, atol=limit)
    # The same with other operators, where there are better ones for so few frames.
    fast = rewritten(written)
    if fast is not written:
        onnx.checker.check_model(fast)
        for found, other, limit in zip(answered(fast, model, x), plain, limits, strict=True):
            np.testing.assert_allclose(found, other, rtol=0, atol=limit)


def answered(written: onnx.ModelProto, model: Streamable, x: Tensor) -> list[NDArray[np.float32]]:
    """The answers of a graph to `x` step by step, and the states that it ends with."""
    session = opened(written)
    names = named_leaves(model.initial_state(x))
    assert {place.name for place in session.get_inputs()} == {"x", *names}
    assert [place.name for place in session.get_outputs()] == [
        "y",
        *(f"{name}.next" for name in names),
    ]
    answers: list[NDArray[np.float32]] = []
    state = {name: leaf.numpy() for name, leaf in names.items()}
    for piece in torch.split(x, unit(model), -1):
        y, *after = session.run(None, {"x": piece.numpy(), **state})
        answers.append(y)
        state = dict(zip(state, after, strict=True))
    return [np.concatenate(answers, -1), *state.values()]
