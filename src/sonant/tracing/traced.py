"""The stream that a module became: its own weights, run frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.streaming import State, Streamable
from sonant.tracing.operations import Moment, unflattened
from sonant.tracing.reading import Plan
from sonant.tracing.report import StreamReport
from sonant.tracing.signals import Signal


@dataclass(slots=True, kw_only=True)
class Pass:
    """One call under way."""

    streams: int
    """In the batch."""
    slots: dict[int, Any]
    """Tensors by slot."""
    state: list[State]
    """What is kept for the next call."""


@final
class Traced(Streamable):
    """A module as a stream.

    It takes [batch, ..., frames], time last, and gives [batch, ..., frames / hop]. Parameters and buffers
    are the module's own, not copies: what trains one trains the other.

    The computation is that of the module in evaluation, whatever `train()` says later. Frame `offset + j`
    of the stream is frame `j` of the module. `clip` gives exactly the module's frames,
    both edges included; `step` and `finish` give the same ones while they come in.
    """

    report: StreamReport
    """Latency, memory and proof; `print` it."""

    def __init__(self, module: nn.Module, plan: Plan, constants: dict[str, Tensor]) -> None:
        super().__init__()
        self.module = module
        self.plan = plan
        for name in plan.constants.values():
            self.register_buffer(name, constants[name], persistent=False)
        entry, line = plan.input, plan.output.when
        batch, time = entry.axes
        self.shape = tuple(
            size for axis, size in enumerate(entry.shape) if axis not in (batch, time)
        ) or (1,)
        self.hop, self.delay = line.hop, max(0, line.owed(0))
        self.receptive_field = None if line.endless else line.newest - line.oldest + 1
        self.offset = line.lag
        none = torch.zeros(1)
        self._remembers = [remembers(step.operation.initial(none)) for step in plan.steps]

    def initial_state(self, like: Tensor) -> State:
        """Zeros: one tensor for each operation that remembers, and how much was heard where it matters."""
        state = [step.operation.initial(like) for step in self.plan.steps]
        heard = [like.new_zeros(like.shape[0], 1, dtype=torch.float32)] * bool(self.plan.counted)
        return (*heard, *filter(remembers, state))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The next frames, a multiple of `hop`."""
        now = self._run(x, state, clip=None)
        return tidy(self.plan.output, now.slots[self.plan.output.slot], x.shape[0]), tuple(
            now.state
        )

    def finish(self, state: State, rest: Tensor) -> Tensor:
        """The frames still to come when a stream ends, [batch, ..., frames], with nothing heard behind it.

        `rest` holds the last frames, fewer than `hop`, that have not been worth a step; often none. Every
        layer finds behind the end what it finds in the module: zeros of its own padding.
        """
        now = self._end(state, rest)
        if now is not None:
            owed = max(0, self.offset + self.plan.output.when.length(rest.shape[-1]))
            return self._answer(now)[..., :owed]
        # Nothing is owed: the empty answer has the shape of any other.
        y, _ = self.step(rest.new_zeros(*rest.shape[:-1], int(self.hop)), state)
        return y[..., :0]

    def clip(self, x: Tensor, *, chunk: int | None = None) -> Tensor:
        """The module's own answer to a clip [batch, ..., frames], heard in chunks (of `chunk` hops)."""
        frames = self.plan.output.when.length(x.shape[-1])
        found = [self._answer(now) for now in self.passes(x, chunk=chunk)]
        return torch.cat(found, -1)[..., self.offset : self.offset + max(0, frames)]

    def passes(self, x: Tensor, *, chunk: int | None = None) -> Iterator[Pass]:
        """Every call over a clip, the end of it included, with all that was computed in it."""
        hop = int(self.hop)
        whole = x.shape[-1] // hop * hop
        size = hop * chunk if chunk else max(whole, 1)
        state = self.initial_state(x)
        for start in range(0, whole, size):
            now = self._run(x[..., start : min(start + size, whole)], state, clip=None)
            state = tuple(now.state)
            yield now
        end = self._end(state, x[..., whole:])
        if end is not None:
            yield end

    def _end(self, state: State, rest: Tensor) -> Pass | None:
        """The last call over a clip; None where nothing is left and nothing owed."""
        frames, hop = rest.shape[-1], int(self.hop)
        owed = self.offset + self.plan.output.when.length(frames)
        blocks = max(owed, -(-frames // hop))
        if blocks <= 0:
            return None
        return self._run(F.pad(rest, (0, blocks * hop - frames)), state, clip=frames)

    def _answer(self, now: Pass) -> Tensor:
        return tidy(self.plan.output, now.slots[self.plan.output.slot], now.streams)

    def _run(self, x: Tensor, state: State, *, clip: int | None) -> Pass:
        plan, memories = self.plan, iter(state)
        heard = next(memories) if plan.counted else None
        assert heard is None or isinstance(heard, Tensor)
        moment = Moment(batch=x.shape[0], heard=heard, clip=clip)
        now = Pass(streams=x.shape[0], slots={plan.input.slot: entered(plan.input, x)}, state=[])
        if heard is not None:
            now.state.append((heard + x.shape[-1]).clamp(max=plan.counted))
        for slot, name in plan.weights.items():
            now.slots[slot] = tensor(self.module, name)
        for slot, name in plan.constants.items():
            now.slots[slot] = getattr(self, name)
        for step, lasting in zip(plan.steps, self._remembers, strict=True):
            inputs = [now.slots[slot] for slot in step.inputs]
            y, after = step.operation.run(inputs, next(memories) if lasting else (), moment)
            now.slots[step.output] = y
            if lasting:
                now.state.append(after)
        return now


def remembers(memory: State) -> bool:
    """Whether a memory holds anything."""
    return isinstance(memory, Tensor) or len(memory) > 0


def tensor(module: nn.Module, name: str) -> Tensor:
    """A parameter or buffer by its qualified name."""
    path, _, leaf = name.rpartition(".")
    found = getattr(module.get_submodule(path), leaf)
    if not isinstance(found, Tensor):
        raise ModelError(f"{name} is not a tensor any more")
    return found


def entered(signal: Signal, x: Tensor) -> Tensor:
    """An input [batch, ..., frames] as the module takes it."""
    if len(signal.shape) == 2:
        return x[:, 0]
    return x.movedim(-1, signal.axes[1])


def tidy(signal: Signal, value: Tensor, streams: int) -> Tensor:
    """A value as the module has it, as [batch, ..., frames]."""
    batch = signal.batch or 0
    if signal.moving:
        return value.movedim(signal.axes, (0, -1))
    value = unflattened(value, batch, streams, -1).movedim((batch, batch + 1), (0, -1))
    # [batch, labels, 1] of a pooled clip: the axis that time had is no longer one.
    single = signal.when.frames == 1 and value.dim() > 3 and value.shape[-2] == 1
    return value.squeeze(-2) if single else value
