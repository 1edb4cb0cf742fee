"""The proof that a stream gives what its module gives, before anyone gets the stream.

Random frames and frames like speech go through both. The stream hears them whole and in chunks of several
sizes, is finished where the clip ends, and must give the module's answer at every frame, edges included.
Where it does not, every value inside is compared, and the error names the first that differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from sonant.errors import ModelError
from sonant.tracing.capture import Captured, in_new_memory, operation, plain, quiet
from sonant.tracing.report import Parity
from sonant.tracing.traced import Traced, tensor, tidy


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is tried before a stream is given out."""

    tolerance: float = 1e-4
    """Largest difference allowed, relative to the largest value of the module's answer."""
    chunks: tuple[int, ...] = (1, 3, 8)
    """Hops heard at once; the whole clip at once is tried as well."""
    audio: Tensor | None = None
    """Real input, shaped as the example; without it, frames with the ups and downs of speech are made."""
    seed: int = 0
    """Of the random frames."""


def prove(stream: Traced, graph: Captured, example: Tensor, proof: Proof) -> Parity:
    """Compare the two; ModelError with the layer where they part, if they do."""
    sounds = {"random frames": noise(example, proof.seed)}
    if proof.audio is None:
        sounds["frames like speech"] = speechlike(example, stream.plan.input.axes[1])
    else:
        sounds["the audio given"] = fitted(proof.audio, example)
    worst = 0.0
    with torch.no_grad(), quiet():
        for name, sound in sounds.items():
            values = evaluated(stream.module, graph, sound)
            expected = _expected(stream, stream.module(sound))
            for chunk in (None, *proof.chunks):
                off = apart(stream.clip(heard(stream, sound), chunk=chunk), expected)
                worst = max(worst, off)
                if chunk is None or not off <= proof.tolerance:
                    _inside(stream, values, sound, proof, chunk=chunk)
                if not off <= proof.tolerance:
                    raise ModelError(
                        f"the stream parts from the module by {off:.1e} on {name}, though every value of its "
                        f"graph agrees: the module does what its graph does not show, such as writing into a "
                        f"part of a tensor or keeping a state of its own; write it without"
                    )
        length, fixed, off = _other_length(stream, sounds["random frames"], proof)
    clip = stream.plan.input.when.frames
    return Parity(
        difference=max(worst, off), tolerance=proof.tolerance, values=len(stream.plan.landmarks),
        chunks=proof.chunks, sounds=tuple(sounds), fixed=fixed,
        lengths=(clip,) if length is None else (clip, length),
    )  # fmt: skip


def _inside(
    stream: Traced, values: dict[str, Tensor], sound: Tensor, proof: Proof, *, chunk: int | None
) -> None:
    """Compare every value over the whole clip, in the order they are computed."""
    streams, x = sound.shape[0], heard(stream, sound)
    passes = list(stream.passes(x, chunk=chunk))
    for mark in stream.plan.landmarks:
        signal = mark.signal
        parts = [tidy(signal, now.slots[signal.slot], streams) for now in passes]
        given = torch.cat(parts, -1)[..., max(0, signal.when.lag) :]
        expected = tidy(signal, values[mark.node], streams)[..., max(0, -signal.when.lag) :]
        # What nothing needs behind the end is not computed there.
        shared = min(given.shape[-1], expected.shape[-1])
        off = apart(given[..., :shared], expected[..., :shared])
        if not off <= proof.tolerance:
            how = "heard whole" if chunk is None else f"heard {chunk} hops at a time"
            raise ModelError(
                f"the stream parts from the module at {mark.place} (value {mark.node}), {how}: they differ "
                f"by {off:.1e} of its largest value, allowed is {proof.tolerance:.0e}. Up to there they "
                f"agree; please report the module, or stream it without this layer"
            )


def evaluated(module: nn.Module, graph: Captured, sound: Tensor) -> dict[str, Tensor]:
    """Every value of the module's own graph for one input."""
    values: dict[fx.Node, object] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            if node.name in graph.weights:
                values[node] = tensor(module, graph.weights[node.name])
            else:
                values[node] = graph.constants.get(node.name, sound)
        elif node.op == "call_function":
            given: Any = (node.args, node.kwargs)
            args, kwargs = cast(Any, fx.node.map_arg(given, lambda part: cast(Any, values[part])))
            values[node] = in_new_memory(node)(*args, **kwargs)
            if plain(operation(node)) != operation(node) and isinstance(node.args[0], fx.Node):
                # As in the stream: whoever reads the first argument later reads what was written.
                values[node.args[0]] = values[node]
    return {node.name: value for node, value in values.items() if isinstance(value, Tensor)}


def _other_length(stream: Traced, sound: Tensor, proof: Proof) -> tuple[int | None, str, float]:
    """A clip of another length, for a module that takes one: it must not have read the length."""
    plan = stream.plan
    if plan.output.folded:
        return None, "It answers once for a clip: the length of the clip is part of it.", 0.0
    time = plan.input.axes[1]
    longer = torch.cat(
        [sound, sound.narrow(time, 0, min(sound.shape[time], int(stream.hop) + 3))], time
    )
    try:
        expected = _expected(stream, stream.module(longer))
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return None, f"The module itself takes this length alone ({first}).", 0.0
    given = stream.clip(heard(stream, longer))
    off = apart(given, expected)
    if not off <= proof.tolerance:
        raise ModelError(
            f"the module treats a clip of {longer.shape[time]} frames otherwise than one of "
            f"{sound.shape[time]}: the stream gives {given.shape[-1]} frames and the module "
            f"{expected.shape[-1]}, {off:.1e} apart. Its forward depends on the length of the clip, which a "
            f"stream does not know; leave the length out of it"
        )
    return longer.shape[time], "", off


def _expected(stream: Traced, answer: object) -> Tensor:
    while isinstance(answer, tuple | list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, dict) and len(answer) == 1:
        answer = next(iter(answer.values()))
    assert isinstance(answer, Tensor)
    output = stream.plan.output
    streams = answer.shape[output.batch or 0] // (1 if output.moving else output.when.frames)
    return tidy(output, answer, streams)


def heard(stream: Traced, sound: Tensor) -> Tensor:
    """The module's input as the stream takes it."""
    time = stream.plan.input.axes[1]
    return sound[:, None] if sound.dim() == 2 else sound.movedim(time, -1)


def apart(given: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest value expected; infinite where shapes differ."""
    if given.shape != expected.shape:
        return math.inf
    if not expected.numel():
        return 0.0
    given, expected = given.double(), expected.double()
    # Equal infinities are equal, as log(0) is to itself.
    off = torch.where(given == expected, 0.0, (given - expected).abs()).max()
    largest = expected[expected.isfinite()].abs().max() if expected.isfinite().any() else off
    return float(off / largest.clamp(min=1e-6)) if off > 0 else float(off)


def noise(example: Tensor, seed: int) -> Tensor:
    """Random frames shaped as the example."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(example.shape, generator=generator).to(example)


def speechlike(example: Tensor, time: int) -> Tensor:
    """Frames that swell and fade as syllables do, with silence before, between and behind them."""
    frames = example.shape[time]
    at = torch.arange(frames) / max(1, frames)
    loud = (torch.sin(2 * math.pi * 3.3 * at - 0.7).clamp(min=0) ** 2) * torch.sin(math.pi * at)
    carrier = torch.sin(torch.cumsum(0.3 + 0.25 * torch.sin(2 * math.pi * 2 * at), 0))
    shape = [1] * example.dim()
    shape[time] = frames
    voice = (loud * (0.6 + 0.4 * carrier)).reshape(shape).to(example)
    return voice * (1 + 0.3 * noise(example, 1))


def fitted(audio: Tensor, example: Tensor) -> Tensor:
    """Real input for as many rows as the example; ModelError where it has another shape."""
    if audio.dim() != example.dim() or audio.shape[1:] != example.shape[1:]:
        raise ModelError(
            f"proof audio of shape {list(audio.shape)}, the example has {list(example.shape)}: "
            f"give it the same shape but for the batch"
        )
    rows = -(-example.shape[0] // audio.shape[0])
    return torch.cat([audio] * rows)[: example.shape[0]].to(example)
