"""Several requests in one run: prepare each, join those of a kind, run, give everybody his rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sonant.errors import SonantError
from sonant.serving.servable import Servable
from sonant.serving.status import Code, Refusal, invalid
from sonant.serving.tensors import Tensors

LONE: Final = 1
"""Rows of a request whose inputs have no common first axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run of the model."""

    requests: int
    rows: int
    padding: int
    """Rows added to reach a size that is allowed."""
    seconds: float


@dataclass(slots=True)
class Joined:
    """What came of several requests."""

    outcomes: list[Tensors | Exception]
    """In the order of the requests; an exception is a `Refusal`, or a fault of the model."""
    parts: list[Part] = field(default_factory=list)


def rows_of(inputs: Tensors) -> int:
    """The length of the first axis that all inputs share; 1 where they do not."""
    lengths = {len(tensor) if tensor.ndim else None for tensor in inputs.values()}
    (rows,) = lengths if len(lengths) == 1 else (None,)
    return rows or LONE


def run_together(
    servable: Servable,
    requests: Sequence[tuple[str, Tensors]],
    *,
    largest: int,
    allowed: Sequence[int] = (),
) -> Joined:
    """Answer (signature, inputs) of each request; a bad one harms none of the others.

    No run has more than `largest` rows, or another size than one of `allowed` where there are any.
    """
    joined = Joined([_unanswered()] * len(requests))
    groups: dict[object, list[tuple[int, Tensors]]] = {}
    for number, (signature, inputs) in enumerate(requests):
        try:
            prepared = servable.prepare(signature, inputs)
        except Exception as error:  # whatever it is, it is this request's alone
            joined.outcomes[number] = _told(error)
            continue
        kind = _kind(prepared) if servable.batches(signature) else None
        # What cannot be joined is a group of its own.
        key = (signature, number if kind is None else kind)
        groups.setdefault(key, []).append((number, prepared))
    for (signature, kind), members in groups.items():  # type: ignore[misc]
        runner = _Runner(servable, signature, joined, largest, allowed)
        if isinstance(kind, int):
            runner.alone(*members[0])
        else:
            runner.together(members)
    return joined


@dataclass(slots=True)
class _Runner:
    """Runs one group of requests of a kind."""

    servable: Servable
    signature: str
    joined: Joined
    largest: int
    allowed: Sequence[int]

    def alone(self, number: int, inputs: Tensors) -> None:
        """As it came."""
        try:
            self.joined.outcomes[number] = self._timed(inputs, requests=1, rows=rows_of(inputs))
        except Exception as error:  # as above
            self.joined.outcomes[number] = _told(error)

    def together(self, members: Sequence[tuple[int, Tensors]]) -> None:
        """Join, run in parts that are not too large, take apart."""
        inputs = _concatenated([inputs for _, inputs in members])
        rows = [rows_of(inputs) for _, inputs in members]
        try:
            outputs = self._in_parts(inputs, requests=len(members), rows=sum(rows))
        except Exception as error:  # the model's own: nobody knows whose rows were the cause
            if len(members) == 1:
                self.joined.outcomes[members[0][0]] = _told(error)
                return
            for member in members:
                self.together([member])
            return
        start = 0
        for (number, _), count in zip(members, rows, strict=True):
            self.joined.outcomes[number] = {
                name: tensor[start : start + count] for name, tensor in outputs.items()
            }
            start += count

    def _in_parts(self, inputs: Tensors, *, requests: int, rows: int) -> Tensors:
        if rows <= self.largest:
            return self._filled_up(inputs, requests=requests, rows=rows)
        parts = []
        for start in range(0, rows, self.largest):
            part = {name: tensor[start : start + self.largest] for name, tensor in inputs.items()}
            parts.append(self._filled_up(part, requests=requests, rows=rows_of(part)))
        return _concatenated(parts)

    def _filled_up(self, inputs: Tensors, *, requests: int, rows: int) -> Tensors:
        """Repeat the last row up to the next size that is allowed, and forget its answers."""
        size = next((size for size in self.allowed if size >= rows), rows)
        if size > rows:
            fill = {
                name: np.repeat(tensor[-1:], size - rows, axis=0) for name, tensor in inputs.items()
            }
            inputs = _concatenated([inputs, fill])
        outputs = self._timed(inputs, requests=requests, rows=rows, padding=size - rows)
        if any(not tensor.ndim or len(tensor) != size for tensor in outputs.values()):
            raise Refusal(
                Code.INTERNAL,
                f"signature {self.signature}: answered other than one row for each of {size} rows",
            )
        return {name: tensor[:rows] for name, tensor in outputs.items()} if size > rows else outputs

    def _timed(self, inputs: Tensors, *, requests: int, rows: int, padding: int = 0) -> Tensors:
        started = time.perf_counter()
        outputs = self.servable.run(self.signature, inputs)
        seconds = time.perf_counter() - started
        self.joined.parts.append(
            Part(requests=requests, rows=rows, padding=padding, seconds=seconds)
        )
        return outputs


def _kind(inputs: Tensors) -> tuple[object, ...] | None:
    """What requests have to share to be joined; None for one that has no rows."""
    if len({len(tensor) if tensor.ndim else None for tensor in inputs.values()} - {0}) != 1:
        return None
    if any(not tensor.ndim for tensor in inputs.values()):
        return None
    return tuple(
        (name, tensor.dtype.str, tensor.shape[1:]) for name, tensor in sorted(inputs.items())
    )


def _concatenated(several: Sequence[Tensors]) -> Tensors:
    if len(several) == 1:
        return several[0]
    return {name: np.concatenate([one[name] for one in several]) for name in several[0]}


def _told(error: Exception) -> Exception:
    """What the client hears: a refusal as it is, another of our own errors as a bad argument."""
    if isinstance(error, Refusal):
        return error
    return invalid(str(error)) if isinstance(error, SonantError) else error


def _unanswered() -> Exception:
    return Refusal(Code.INTERNAL, "the request was not answered")
