"""Whether a reply holds what the table's words say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from conformance.grpc_words import Block, Item, Listed, following, items_of, number
from sonant.serving.grpc.protos import message, pool

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")
_TELLING = re.compile(r".*[_./\d].*|[A-Z]{3,}")
"""Words that a reply has to show where they are not names of fields: the others only read well."""


def holds(reply: Any, expected: Any) -> None:
    """Compare a reply; raises `AssertionError` where something is missing from it, or is otherwise."""
    if isinstance(expected, Mapping):
        shown = json_format.MessageToDict(
            reply, preserving_proto_field_name=True, descriptor_pool=pool()
        )
        _subset(expected, shown)
        return
    _matches(reply, items_of(str(expected)))


def _matches(proto: Any, items: Sequence[Item]) -> None:
    at = 0
    while at < len(items):
        item, after = items[at], following(items, at)
        at += 1
        if not isinstance(item, str):
            continue
        found = list(_found(proto, item))
        if not found:
            if _TELLING.fullmatch(item):
                assert item in _shown(proto), f"{item} is not in {_shown(proto)}"
            continue
        owner, field, value = found[0]
        if after is not None and _compared(owner, field, value, after):
            at += 1


def _compared(owner: Any, field: Any, value: Any, item: Item) -> bool:
    """Whether `item` said what a field holds; raises `AssertionError` where it holds something else."""
    if field.message_type and field.message_type.GetOptions().map_entry:
        if isinstance(item, Block):
            _entries(value, item.items)
        return isinstance(item, Block)
    if isinstance(item, Block):
        _matches(value, item.items)
        return True
    if isinstance(item, Listed):
        assert len(value) == len(item.items), f"{field.name} is {value}, want {item.items}"
        for one, wanted in zip(value, item.items, strict=True):
            assert _same(one, str(wanted), field), f"{field.name} is {value}, want {item.items}"
        return True
    if field.message_type and field.message_type.full_name.endswith("Int64Value"):
        value = value.value
    elif field.message_type:
        return False
    assert _same(value, item, field), (
        f"{owner.DESCRIPTOR.name}.{field.name} is {value}, want {item}"
    )
    return True


def _entries(entries: Mapping[str, Any], items: Sequence[Item]) -> None:
    """A map: each key, and what its value holds."""
    keys = [at for at, item in enumerate(items) if isinstance(item, str) and item in entries]
    if items:
        assert keys, f"none of {items} among {list(entries)}"
    for start, end in zip(keys, [*keys[1:], len(items)], strict=True):
        value = entries[str(items[start])]
        inner = items[start + 1 : end]
        if len(inner) == 1 and isinstance(inner[0], Block):
            inner = inner[0].items
        _matches(value, inner)


def _found(proto: Any, path: str) -> Iterator[tuple[Any, Any, Any]]:
    """Where a path leads, from here or from any message inside: owner, field, value."""
    if not _STEP.match(path):
        return
    for start in _inside(proto):
        at: Any = start
        owner = field = None
        for name, index in _STEP.findall(path):
            if not hasattr(at, "DESCRIPTOR") or name not in at.DESCRIPTOR.fields_by_name:
                break
            owner, field = at, at.DESCRIPTOR.fields_by_name[name]
            at = getattr(at, name)
            if index:
                assert len(at) > int(index), f"{path}: there are {len(at)} {name}"
                at = at[int(index)]
        else:
            yield owner, field, at


def _inside(proto: Any) -> Iterator[Any]:
    yield proto
    for field, value in proto.ListFields():
        if field.message_type and not field.message_type.GetOptions().map_entry:
            for inner in value if field.is_repeated else [value]:
                yield from _inside(inner)


def _same(value: Any, word: str, field: Any) -> bool:
    if field.enum_type:
        named = field.enum_type.values_by_number[value].name
        return word in (named, str(value), f"{named}({value})")
    wanted = number(word)
    if isinstance(value, float) and wanted is not None:
        return math.isclose(value, wanted, rel_tol=1e-6) or (value != value and wanted != wanted)
    if isinstance(value, bytes):
        return value == word.encode()
    return str(value) == word


def _shown(proto: Any) -> str:
    """The message as text, with what an Any holds."""
    text = str(proto)
    for inner in _inside(proto):
        for packed in getattr(inner, "metadata", {}).values():
            kind = packed.type_url.rpartition("/")[2]
            text += str(message(kind).FromString(packed.value)) + packed.type_url
    if proto.DESCRIPTOR.name == "Any":
        text += str(message(proto.type_url.rpartition("/")[2]).FromString(proto.value))
    return text


def _subset(wanted: Any, found: Any) -> None:
    if isinstance(wanted, Mapping):
        for key, value in wanted.items():
            assert key in found, f"{key} is not in {found}"
            _subset(value, found[key])
    elif isinstance(wanted, list):
        assert len(wanted) == len(found), f"{found}, want {wanted}"
        for one, other in zip(wanted, found, strict=True):
            _subset(one, other)
    else:
        alike = number(wanted) is not None and number(wanted) == number(found)
        assert alike or str(wanted) == str(found), f"{found}, want {wanted}"
