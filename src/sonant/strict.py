"""Trees of frozen dataclasses from plain dictionaries, and back, strict about every key.

`build` refuses an unknown, missing or mistyped key by its path (`recipe.fit.epochs`) with the nearest
known name. A union of dataclasses is told apart by the key `name`, looked up in a literal table.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from sonant.errors import RecipeError

Tables = Mapping[Any, Mapping[str, type]]
"""For each union of dataclasses, the table that names its members."""


def build(kind: Any, value: Any, where: str, *, tables: Tables) -> Any:
    """Make `value` into `kind`, or raise `RecipeError` with the exact path that is wrong."""
    origin = typing.get_origin(kind)
    if kind in tables:
        return _build_named(tables[kind], value, where, tables=tables)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where, tables=tables)
    if origin is typing.Literal:
        return _build_literal(typing.get_args(kind), value, where)
    if origin in (typing.Union, types.UnionType):
        return _build_optional(kind, value, where, tables=tables)
    if origin is tuple:
        return _build_tuple(typing.get_args(kind), value, where, tables=tables)
    return _build_scalar(kind, value, where)


def plain(value: Any, *, tables: Tables) -> Any:
    """The dictionary, list or scalar that `build` turns into `value` again; None keys are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tree = {
            field.name: plain(getattr(value, field.name), tables=tables)
            for field in dataclasses.fields(value)
            if getattr(value, field.name) is not None
        }
        name = _name_of(type(value), tables)
        return {"name": name, **tree} if name else tree
    if isinstance(value, tuple):
        return [plain(part, tables=tables) for part in value]
    return value


def override(tree: dict[str, Any], setting: str) -> None:
    """Set one `key.key=value` in a tree of tables, as a shell user writes it; raises `RecipeError`."""
    path, equals, text = setting.partition("=")
    *parents, last = path.strip().split(".")
    if not equals or not last:
        raise RecipeError(f"{setting!r}: an override is written key=value, as in fit.epochs=5")
    node = tree
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise RecipeError(f"{setting!r}: {parent} is a value, not a table of settings")
    value = _value(text.strip())
    if last == "name" and parents and node.get("name") != value:
        node.clear()  # another model or front end: the settings of the former do not apply to it
    node[last] = value


def _name_of(kind: type, tables: Tables) -> str:
    for table in tables.values():
        for name, member in table.items():
            if member is kind:
                return name
    return ""


def _build_named(table: Mapping[str, type], value: Any, where: str, *, tables: Tables) -> Any:
    tree = _mapping(value, where)
    name = tree.get("name")
    if name not in table:
        raise RecipeError(
            f"{where}.name: {name!r} is not one of {', '.join(table)}{_meant(name, table)}"
        )
    rest = {key: part for key, part in tree.items() if key != "name"}
    return _build_dataclass(table[str(name)], rest, where, tables=tables)


def _build_dataclass(kind: Any, value: Any, where: str, *, tables: Tables) -> Any:
    tree = _mapping(value, where)
    hints = typing.get_type_hints(kind)
    for key in tree:
        if key not in hints:
            raise RecipeError(
                f"{where}.{key}: no such setting{_meant(key, hints)}; known: {', '.join(hints)}"
            )
    for field in dataclasses.fields(kind):
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and field.name not in tree:
            raise RecipeError(f"{where}.{field.name}: missing, and it has no default")
    parts = {
        key: build(hints[key], part, f"{where}.{key}", tables=tables) for key, part in tree.items()
    }
    try:
        return kind(**parts)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _build_literal(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in choices or type(value) is not type(choices[0]):
        listed = ", ".join(map(str, choices))
        raise RecipeError(f"{where}: {value!r} is not one of {listed}{_meant(value, choices)}")
    return value


def _build_optional(kind: Any, value: Any, where: str, *, tables: Tables) -> Any:
    if value is None:
        return None
    (inner,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    return build(inner, value, where, tables=tables)


def _build_tuple(parts: tuple[Any, ...], value: Any, where: str, *, tables: Tables) -> Any:
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{where}: {value!r} is {type(value).__name__}, want a list like [1, 2]")
    if parts[-1] is Ellipsis:
        kinds = [parts[0]] * len(value)
    elif len(parts) == len(value):
        kinds = list(parts)
    else:
        raise RecipeError(f"{where}: {list(value)!r} has {len(value)} values, want {len(parts)}")
    return tuple(
        build(kind, part, f"{where}[{number}]", tables=tables)
        for number, (kind, part) in enumerate(zip(kinds, value, strict=True))
    )


def _build_scalar(kind: type, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    # `type` and not `isinstance`: True is an int to Python, but not to a person.
    if type(value) is not kind:
        raise RecipeError(f"{where}: {value!r} is {type(value).__name__}, want {kind.__name__}")
    return value


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where}: {value!r} is {type(value).__name__}, want a table of settings")
    return value


def _meant(given: object, known: Iterable[object]) -> str:
    near = difflib.get_close_matches(str(given), [str(name) for name in known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _value(text: str) -> Any:
    """A TOML value; a bare word is text, and `a,b` or `(3,3),(5,3)` a list, as a shell user means it."""
    if text.startswith("("):
        text = f"[{text.replace('(', '[').replace(')', ']')}]"
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if "," in text and not text.startswith(("[", '"', "'", "{")):
            return [_value(part.strip()) for part in text.split(",") if part.strip()]
        if text and not any(mark in text for mark in "[]{}\"'\n"):
            return text
        raise RecipeError(
            f"{text!r} cannot be read as a value: write numbers plainly, text as it is, "
            "and lists as [1, 2] or [[3, 3], [5, 3]]"
        ) from None
