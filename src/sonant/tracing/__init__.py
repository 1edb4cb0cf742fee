"""A module that somebody wrote, made a stream: `stream(module)`, proved, with its latency known.

capture.py      the module's graph, and the names its author knows the nodes by
timing.py       where a signal stands in time: rate, lag, length, what it depends on
signals.py      which axis is time, and what a change of shape makes of it
rules/          the literal table: every operator and what becomes of it, or why it cannot stream
builder.py      what rules build with
operations.py   what runs (recurrence.py: recurrent layers)
reading.py      from the graph to the steps of a stream
traced.py       the Streamable
proof.py        the comparison before anyone gets it          report.py    its figures
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.streaming import Streamable
from sonant.tracing.capture import capture
from sonant.tracing.entrance import example_for
from sonant.tracing.measure import measured
from sonant.tracing.proof import Proof, prove
from sonant.tracing.reading import read
from sonant.tracing.report import Parity, StreamReport
from sonant.tracing.traced import Traced

__all__ = ["Parity", "Proof", "StreamReport", "Traced", "stream"]

PROOF = Proof()


def stream(
    module: nn.Module,
    example: Tensor | None = None,
    *,
    frames: int | None = None,
    time_axis: int = -1,
    rate_hz: float | None = None,
    proof: Proof | None = PROOF,
) -> Traced:
    """A module of ordinary layers as a Streamable, proved to give what the module gives.

    `example` is an input of the module, [batch, ..., frames] unless `time_axis` says otherwise; its values
    do not matter. A module that pools over time answers once for a clip: its stream answers at every hop
    for the last so many frames, as many as the example has. Without an example the shape is that of the
    first layer, and `frames` its length. `rate_hz` (input frames in a second) puts latency in
    milliseconds too. The stream shares the module's parameters and takes [batch, ..., frames], time last.

    Raises ModelError, which names the layer, where something cannot stream: attention over the sequence,
    backward recurrence, norms over time, a reduction over time that single frames need, an operator that
    has no rule; and where the proof fails, with the first layer that differs.
    """
    if isinstance(module, Streamable):
        raise ModelError(f"{type(module).__name__} is a Streamable already: use it as it is")
    example, known = example_for(module, example, frames=frames, time_axis=time_axis)
    axis = time_axis % example.dim()
    with torch.no_grad():
        graph = capture(module, example)
    plan = read(graph, example, time_axis=axis, clip_known=known)
    traced = Traced(module, plan, graph.constants)
    parity = None if proof is None else prove(traced, graph, example, proof)
    traced.report = measured(traced, rate_hz=rate_hz, parity=parity)
    return traced
