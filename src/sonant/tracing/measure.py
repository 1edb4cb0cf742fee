"""The figures of a stream, read off its operations."""

from __future__ import annotations

from typing import Final

import torch

from sonant.nn.streaming import named_leaves
from sonant.tracing.report import Memory, Parity, StreamReport
from sonant.tracing.traced import Traced

KINDS: Final = {
    "Window": "past frames",
    "Hold": "a delay, for a slower branch",
    "Recall": "the frames of the clip",
    "Recurrent": "recurrent state",
}
"""Operation to what it remembers."""


def measured(stream: Traced, *, rate_hz: float | None, parity: Parity | None) -> StreamReport:
    """Every figure, read off the stream."""
    plan = stream.plan
    like = torch.zeros(1, *stream.shape, 0)
    memories = [
        Memory(
            place=step.place,
            kind=KINDS[type(step.operation).__name__],
            shape=tuple(leaf.shape[1:]),
            bytes=leaf.numel() * 4,
        )
        for step in plan.steps
        for leaf in named_leaves(step.operation.initial(like)).values()
        if leaf.numel()
    ]
    if plan.counted:
        memories.insert(0, Memory(place="", kind="frames heard", shape=(1,), bytes=4))
    line = plan.output.when
    summary = plan.output.folded and line.frames == 1
    return StreamReport(
        name=type(stream.module).__name__, shape=stream.shape, hop=line.hop,
        delay=int(stream.delay), offset=stream.offset,
        receptive_field=None if line.endless else line.newest - line.oldest + 1,
        window=plan.input.when.frames if summary else None,
        parameters=sum(weight.numel() for weight in stream.module.parameters()),
        memories=tuple(memories), rate_hz=rate_hz, parity=parity,
    )  # fmt: skip
