"""GRU, LSTM and plain RNN, forwards in time, any number of layers."""

from __future__ import annotations

from typing import Any

from sonant.tracing.builder import Site
from sonant.tracing.recurrence import GATES, Recurrent
from sonant.tracing.rules.shapes import picked
from sonant.tracing.signals import Signal


def recurrent(site: Site) -> list[Any]:
    """[output, last state, ...]; the last state of a clip is that of every frame, in a stream."""
    x = site.builder.settled(site.args["input"])
    weights: list[Signal] = site.args["params"]
    layers, biases = int(site.args["num_layers"]), bool(site.args["has_biases"])
    _forwards(site, x, weights, layers, biases)
    per_layer = 4 if biases else 2
    hidden = weights[1].shape[1]
    operation = Recurrent(
        kind=site.name,
        hidden=hidden,
        layers=layers,
        biases=biases,
        axes=x.axes,
        hold=x.when if x.when.lag > 0 else None,
    )
    line = x.when
    endless = type(line)(
        frames=line.frames, hop=line.hop, lag=line.lag, counts=line.counts,
        oldest=line.oldest, newest=line.newest, endless=True,
    )  # fmt: skip
    assert len(weights) == per_layer * layers
    both = site.builder.add(operation, [x, *weights], x.as_shape(site.shapes[0], line=endless))
    y = picked(site, both, 0, both)
    if not site.builder.clip_known:
        return [y, *["the last state of a clip of unknown length is asked for"] * 2]
    last = both.as_shape(
        site.shapes[1], batch=1, time=None, line=endless.padded(1 - line.frames, 0)
    )
    cells = "the last cell state of an LSTM is asked for, which is not known at every frame"
    return [y, picked(site, both, 1, last), cells]


def _forwards(site: Site, x: Signal, weights: list[Signal], layers: int, biases: bool) -> None:
    if site.args["bidirectional"]:
        site.refuse(
            "it reads the clip backwards too, and a stream has no end to begin at",
            "set bidirectional=False, and let a convolution look ahead instead",
        )
    if not x.moving:
        site.refuse("it runs over another axis than time", "use a convolution over that axis")
    if x.axes != ((0, 1) if site.args["batch_first"] else (1, 0)):
        site.refuse(
            f"time is axis {x.time} of its input, where it does not look for it",
            "give it [batch, frames, channels] and batch_first=True",
        )
    begin = site.args["hx"]
    if not all(signal.zero for signal in (begin if isinstance(begin, list) else [begin])):
        site.refuse("its first state is not zero", "begin with zeros, its default")
    if site.args["train"] and site.args["dropout"]:
        site.refuse("dropout is switched on", "call module.eval() first")
    if len(weights) != layers * (4 if biases else 2):
        site.refuse("its output is projected (proj_size)", "put a Linear behind it")


__all__ = ["GATES", "recurrent"]
