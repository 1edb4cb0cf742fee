"""The words in which the table writes down messages.

model_spec{name half_plus_two} inputs{x float [1] 2.0}      a whole request
signature classify_x_to_y, example x=2.0                    a part: the rest is as usual
... output_filter [nope]                                    likewise
classifications[0].classes[0].score 3.0                     what a reply holds, and where
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sonant.serving.tensors import DTYPES, DType

_TOKEN = re.compile(
    r'"[^"]*"|\'[^\']*\''
    r"|[{}\[\]]"
    r"|(?:(?!\.\.\.)[^\s{}\[\]()=:,;\"'+])+(?:\[\d+\](?:\.[\w.]+)?)*(?:\(\d+\))?"
)
"""Quoted, a bracket, or a word; an index or a number in brackets right behind it belongs to it."""

DTYPE_WORDS = {word: dtype for dtype in DTYPES for word in (dtype.name, dtype.plain)}


@dataclass(frozen=True, slots=True)
class Block:
    """What stands in braces."""

    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Listed:
    """What stands in brackets."""

    items: Sequence[Item]


Item: TypeAlias = str | Block | Listed


def items_of(text: str) -> Sequence[Item]:
    """Words, blocks and lists; commas, colons and equal signs only part them."""
    return list(_items(iter(_TOKEN.findall(text))))


def _items(tokens: Iterator[str]) -> Iterator[Item]:
    for token in tokens:
        match token:
            case "{":
                yield Block(list(_items(tokens)))
            case "[":
                yield Listed(list(_items(tokens)))
            case "}" | "]":
                return
            case _:
                yield token.strip("\"'")


def following(items: Sequence[Item], at: int) -> Item | None:
    """The item after the one at `at`."""
    return items[at + 1] if at + 1 < len(items) else None


def number(word: Any) -> float | int | None:
    """What a word says, where it is a number."""
    for kind in (int, float):
        try:
            return kind(word)
        except (ValueError, TypeError):
            continue
    return None


def write_tensor(items: Sequence[Item], proto: Any) -> None:
    """A type, a shape in brackets, values; or `float_val [...]`, or `tensor_content` in hex."""
    dtype: DType | None = None
    shape: list[int] | None = None
    values: list[Any] = []
    at = 0
    while at < len(items):
        item, after = items[at], following(items, at)
        at += 1
        if isinstance(item, str) and item in DTYPE_WORDS:
            dtype = DTYPE_WORDS[item]
        elif isinstance(item, str) and item.endswith("_val") and isinstance(after, Listed):
            values.extend(after.items)
            at += 1
        elif item == "tensor_content" and isinstance(after, str):
            proto.tensor_content = bytes.fromhex(after)
            at += 1
        elif isinstance(item, Listed) and shape is None:
            shape = [int(str(size)) for size in item.items]
        elif isinstance(item, Listed):
            values.extend(item.items)
        else:
            values.append(item)
    assert dtype is not None, f"no type in {items}"
    proto.dtype = dtype.number
    for size in shape if shape is not None else [len(values)] if len(values) > 1 else []:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, dtype.field).extend(_value(value, dtype) for value in values)


def _value(item: Item, dtype: DType) -> Any:
    if dtype.name == "DT_STRING":
        return str(item).encode()
    found = {"true": True, "false": False}.get(str(item), number(item))
    assert found is not None, f"{item} is no {dtype.plain}"
    return found
