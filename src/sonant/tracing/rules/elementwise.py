"""Operators that treat every element by itself, and broadcast: sums, gates, activations."""

from __future__ import annotations

from typing import Any

from sonant.tracing.builder import Site
from sonant.tracing.signals import Signal

OPERATORS = frozenset((
    "relu", "relu6", "sigmoid", "tanh", "gelu", "silu", "mish", "elu", "selu", "celu",
    "leaky_relu", "hardswish", "hardsigmoid", "hardtanh", "softplus", "softsign", "log_sigmoid",
    "hardshrink", "softshrink", "threshold", "exp", "exp2", "expm1", "log", "log2", "log10",
    "log1p", "sqrt", "rsqrt", "square", "abs", "neg", "sign", "reciprocal", "pow", "sin", "cos",
    "tan", "atan", "erf", "floor", "ceil", "round", "trunc", "frac", "clamp", "clamp_min",
    "clamp_max", "nan_to_num", "logical_not", "isnan", "add", "sub", "rsub", "mul", "div",
    "true_divide", "maximum", "minimum", "fmod", "remainder", "atan2", "lerp", "addcmul",
    "addcdiv", "where", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "to",
    "_to_copy", "clone", "contiguous", "detach", "alias", "lift_fresh_copy", "type_as",
    "zeros_like", "ones_like", "full_like",
))  # fmt: skip
"""One output element from the input elements at its place."""

DROPOUT = frozenset(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"))


def elementwise(site: Site) -> Signal:
    """Branches brought in step, then the operator as it is."""
    signals = site.signals()
    timed = [signal for signal in signals if not signal.still]
    rank = len(site.shape)
    for signal in timed:
        _aligned(site, signal, timed[0], rank)
    for signal in signals:
        if signal.still:
            _framewise(site, signal, timed[0])
    if len({signal.when.hop for signal in timed}) > 1:
        site.refuse(
            "its branches run at different rates: "
            + " and ".join(f"a frame every {signal.when.hop}" for signal in timed),
            "give both branches the same strides",
        )
    steady = {signal.slot: new for signal, new in _pairs(timed, site)}
    args = replaced(site.args, steady)
    first = next(iter(steady.values()))
    shift = rank - len(first.shape)
    output = first.as_shape(
        site.shape,
        batch=None if first.batch is None else first.batch + shift,
        time=None if first.time is None else first.time + shift,
    )
    return site.builder.call(site.target, args, output)


def dropout(site: Site) -> Signal:
    """Nothing, as always behind training."""
    if site.args.get("train"):
        site.refuse("dropout is switched on", "call module.eval() first")
    signal: Signal = site.args["input"]
    return signal


def prelu(site: Site) -> Signal:
    """A slope for each channel, axis 1."""
    signal = site.builder.settled(site.args["self"])
    if elements_differ(site.args["weight"]):
        site.untimed(signal, [1], "it has a slope for each frame", "put channels on axis 1")
    return site.builder.call(site.target, {**site.args, "self": signal}, signal)


def elements_differ(weight: Signal) -> bool:
    """Whether there is more than one slope."""
    return len(weight.shape) > 0 and weight.shape[0] > 1


def _aligned(site: Site, signal: Signal, first: Signal, rank: int) -> None:
    shift, other = rank - len(signal.shape), rank - len(first.shape)
    if signal.folded != first.folded and signal.when.frames != first.when.frames:
        site.refuse(
            "single frames meet a summary of the whole clip, which is known only when the clip is over "
            "(as in a squeeze-excite over all frames)",
            "summarise a window of the past instead: sonant.nn.windows.SqueezeExcite",
        )
    here = [None if axis is None else axis + shift for axis in (signal.batch, signal.time)]
    there = [None if axis is None else axis + other for axis in (first.batch, first.time)]
    if here != there or signal.when.frames != first.when.frames:
        site.refuse(
            f"it brings the frames of one signal together with others of another (shapes "
            f"{list(signal.shape)} and {list(first.shape)})",
            "put time on the same axis of both, with as many frames",
        )


def _framewise(site: Site, constant: Signal, timed: Signal) -> None:
    for axis in (timed.batch, timed.time):
        if axis is None:
            continue
        place = axis - len(timed.shape) + len(constant.shape)
        if place >= 0 and constant.shape[place] != 1:
            site.refuse(
                f"a constant of shape {list(constant.shape)} has a value of its own for each "
                f"{'frame of the clip' if axis == timed.time else 'row of the batch'}, as a table of "
                f"positions has; a stream has no position",
                "use constants for each channel, or a convolution for a sense of order",
            )


def _pairs(timed: list[Signal], site: Site) -> list[tuple[Signal, Signal]]:
    return list(zip(timed, site.builder.balanced(timed), strict=True))


def replaced(value: Any, signals: dict[int, Signal]) -> Any:
    """Nested arguments with signals exchanged by their slots."""
    if isinstance(value, Signal):
        return signals.get(value.slot, value)
    if isinstance(value, dict):
        return {name: replaced(part, signals) for name, part in value.items()}
    return [replaced(part, signals) for part in value] if isinstance(value, list) else value
