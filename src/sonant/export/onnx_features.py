"""A network as ONNX without its front end, for targets that bring their own: features in, one hop a step.

What `step` and `one_hop` are for samples. Whole clips of features are `onnx.export_clips`.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import final

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from sonant.errors import ExportError
from sonant.export.one_hop import rewritten
from sonant.export.onnx import FEATURES, OUTPUT, TOLERANCE, first_cause, quietly
from sonant.export.translate_step import Step
from sonant.nn.streaming import Streamable

NEXT = ".next"
"""Behind the name of a state: what it is after the step."""
TRIED = 16
"""Hops of noise on which operators that suit one frame are held to the exporter's."""


def export_step(network: Streamable, path: Path, *, bins: int) -> None:
    """Write one step of `network`, which gives logits: features [batch, bins, hop] -> [batch, labels, 1].

    The batch is free; states are further inputs and outputs, and begin as zeros. Operators that do
    badly on one frame are replaced where the answers stay the same. Raises `ExportError`.
    """
    plain = _written(network, bins=bins)
    onnx.save(plain, str(path))
    fast = rewritten(plain)
    if fast is plain:
        return
    draw = np.random.default_rng(0)
    heard = draw.standard_normal((2, bins, TRIED * int(network.hop)), dtype=np.float32)
    wanted = FeatureRunner(plain).run(heard)
    try:
        given = FeatureRunner(fast).run(heard)
    except ExportError:
        return
    if np.abs(wanted - given).max() <= TOLERANCE:
        onnx.save(fast, str(path))


@final
class FeatureRunner:
    """A step graph of features in onnxruntime, run over long ones."""

    def __init__(self, graph: Path | onnx.ModelProto) -> None:
        """Open a graph; raises `ExportError` where onnxruntime cannot."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        content = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
        try:
            self.session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise ExportError(f"onnxruntime cannot open the step of features ({error})") from error
        heard, *self.states = self.session.get_inputs()
        self.hop = int(heard.shape[-1])

    def run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """[batch, bins, frames] from zero states -> probabilities [batch, labels, frames / hop]."""
        state = {
            end.name: np.zeros((len(features), *end.shape[1:]), np.float32) for end in self.states
        }
        answers = []
        for at in range(0, features.shape[-1] - self.hop + 1, self.hop):
            heard = np.ascontiguousarray(features[..., at : at + self.hop])
            try:
                answer, *after = self.session.run(None, {FEATURES: heard, **state})
            except Exception as error:  # onnxruntime's errors share no narrower class
                raise ExportError(f"a step of features failed ({error})") from error
            answers.append(answer)
            state = dict(zip(state, after, strict=True))
        return np.concatenate(answers, axis=2)

    def answers(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """One stream [bins, frames] from silence -> answers [frames, labels]."""
        answers: NDArray[np.float32] = self.run(features[None])[0].T
        return answers


def _written(network: Streamable, *, bins: int) -> onnx.ModelProto:
    """One hop, as the exporter writes it."""
    model = Step(deepcopy(network).to("cpu", torch.float32), nn.Softmax(dim=1)).eval()
    # Two streams, since a batch of one would be taken for a constant.
    heard = torch.zeros(2, bins, int(network.hop))
    states = {name: leaf for name, leaf in model.leaves(heard).items() if leaf.numel()}
    batch = {0: torch.export.Dim("batch", min=1)}
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (heard, *states.values()),
                dynamo=True,
                verbose=False,
                input_names=[FEATURES, *states],
                output_names=[OUTPUT, *(name + NEXT for name in states)],
                dynamic_shapes=(batch, tuple(batch for _ in states)),
                optimize=True,
            )
            assert program is not None
            written: onnx.ModelProto = program.model_proto
            return written
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(f"the step cannot be written as ONNX: {first_cause(error)}") from error
