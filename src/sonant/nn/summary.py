"""What a model is made of: its layers with shapes, parameters and multiply-accumulates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sonant.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One layer."""

    name: str
    """Its path in the model; the first one, for a layer used in several places."""
    kind: str
    """Its class."""
    shape: tuple[int, ...]
    """What it gave last, batch of 1 first; empty where it did not run."""
    parameters: int
    """Its own weights; weights shared with an earlier row count there."""
    macs: int
    """Multiply-accumulates for one clip, over all its uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All layers in the order they run, and their sums."""

    rows: tuple[Row, ...]
    parameters: int
    """Weights, each counted once."""
    trainable: int
    """Those of them that training changes."""
    macs: int
    """Multiply-accumulates for one clip."""
    macs_per_second: float
    """Multiply-accumulates for one second of audio."""

    def table(self) -> str:
        """Plain text, one line a layer, then the sums."""
        head = ("layer", "kind", "output", "parameters", "MACs")
        cells = [
            (row.name, row.kind, _shape(row.shape), f"{row.parameters:,}", f"{row.macs:,}")
            for row in self.rows
        ]
        sums = {
            "parameters": f"{self.parameters:,}",
            "trainable": f"{self.trainable:,}",
            "MACs, one clip": f"{self.macs:,}",
            "MACs per second of audio": f"{self.macs_per_second:,.0f}",
        }
        lines = [*_aligned([head, *cells]), "", *_aligned(list(sums.items()), left=1)]
        return "\n".join(lines) + "\n"


def summarise(module: nn.Module, example: Tensor, *, clip_s: float) -> Summary:
    """Run one clip through a model and count.

    `example` is any input of the model, [batch, ...]; its first entry is used and lasts `clip_s`
    seconds. Counted are convolutions, recurrent layers and matrix products, wherever they stand
    (dense layers, a mel filter bank, a DFT as a matrix); an FFT, sums, normalisation and
    activations are 0. The model runs in eval mode without gradients and is left as it was. Raises
    `ModelError` when there is no clip.
    """
    if not clip_s > 0 or not len(example):
        raise ModelError(f"summary: wants one clip at least and a length above 0 s, got {clip_s} s")
    modes = [(part, part.training) for part in module.modules()]
    count = _Count()
    try:
        module.eval()
        with torch.no_grad(), count.watching(module), count:
            module(example[:1])
    finally:
        for part, mode in modes:
            part.training = mode
    return _summary(module, count, clip_s=clip_s)


def _summary(module: nn.Module, count: _Count, *, clip_s: float) -> Summary:
    names = {part: name or "(model)" for name, part in module.named_modules()}
    order = [*count.ran, *(part for part in names if part not in count.ran)]
    rows: list[Row] = []
    seen: set[Tensor] = set()
    for part in order:
        own = set(part.parameters(recurse=False)) - seen
        seen |= own
        macs, parameters = count.macs.get(part, 0), sum(weight.numel() for weight in own)
        if macs or parameters or (part in count.ran and not any(part.children())):
            shape = count.ran.get(part, ())
            kind = type(part).__name__
            rows.append(
                Row(name=names[part], kind=kind, shape=shape, parameters=parameters, macs=macs)
            )
    macs = sum(row.macs for row in rows)
    weights = list(module.parameters())
    return Summary(
        rows=tuple(rows),
        parameters=sum(weight.numel() for weight in weights),
        trainable=sum(weight.numel() for weight in weights if weight.requires_grad),
        macs=macs,
        macs_per_second=macs / clip_s,
    )


class _Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Books every product to the innermost layer that is running.

    Hooks tell which layer that is; the dispatcher tells what it multiplies, so a product is counted
    whether a layer of torch makes it or a line of a forward function.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ran: dict[nn.Module, tuple[int, ...]] = {}
        self.macs: dict[nn.Module, int] = {}
        self.running: list[nn.Module] = []

    def watching(self, module: nn.Module) -> ExitStack:
        """Hooks on every layer, taken off again when the stack is left, also by an error."""
        hooks = ExitStack()
        for part in module.modules():
            hooks.callback(part.register_forward_pre_hook(self._enter).remove)
            hooks.callback(part.register_forward_hook(self._leave).remove)
        return hooks

    def _enter(self, part: nn.Module, inputs: object) -> None:
        self.ran.setdefault(part, ())
        self.running.append(part)

    def _leave(self, part: nn.Module, inputs: object, output: object) -> None:
        self.running.pop()
        while isinstance(output, tuple | list) and output:
            output = output[0]
        if not isinstance(output, Tensor):
            return
        self.ran[part] = tuple(output.shape)
        if isinstance(part, RECURRENT):
            self._book(part, _recurrent(part, output))

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        product = PRODUCTS.get(func.overloadpacket)
        if product is None:
            with self:  # in inference mode a dense layer arrives here in one piece
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        output = func(*args, **kwargs)
        if product is not None and self.running and not isinstance(self.running[-1], RECURRENT):
            self._book(self.running[-1], product(args, output))
        return output

    def _book(self, part: nn.Module, macs: int) -> None:
        self.macs[part] = self.macs.get(part, 0) + macs


def _recurrent(layer: nn.Module, output: Tensor) -> int:
    """Every weight matrix is used once a frame, in both directions; biases only add.

    A formula, because which products torch makes inside differs from one processor to the next.
    """
    frames = output.numel() // output.shape[-1]
    return frames * sum(weight.numel() for weight in layer.parameters() if weight.ndim == 2)


def _convolution(args: Sequence[Any], output: Tensor) -> int:
    """`args` are input, weight, bias, stride, padding, dilation, transposed..."""
    places: Tensor = args[0] if args[6] else output
    weight: Tensor = args[1]
    return places.numel() * math.prod(weight.shape[1:])


def _product(args: Sequence[Any], output: Tensor) -> int:
    """Summed over is the second to last axis of the second factor; a vector's only axis."""
    last: Tensor = args[-1]
    return output.numel() * last.shape[-2 if last.ndim > 1 else 0]


RECURRENT: Final = (nn.RNNBase, nn.RNNCellBase)
ATEN: Final = torch.ops.aten
PRODUCTS: Final[dict[object, Callable[[Sequence[Any], Tensor], int]]] = {
    ATEN.convolution: _convolution,
    ATEN.mm: _product,
    ATEN.mv: _product,
    ATEN.dot: _product,
    ATEN.bmm: _product,
    ATEN.addmm: _product,
    ATEN.addmv: _product,
    ATEN.baddbmm: _product,
}


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) if shape else "not run"


def _aligned(lines: Sequence[Sequence[str]], *, left: int = 3) -> list[str]:
    """Columns as wide as their widest cell; the first `left` of them begin at the left edge."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
