"""A JSON value as TensorFlow Serving prints it in its messages: rapidjson's pretty writer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from sonant.serving.rest.decimals import decimal
from sonant.serving.rest.parsing import Json

INDENT: Final = "    "
LARGEST_FLOAT32: Final = 3.4028234e38
"""As rapidjson has it."""
LONGEST: Final = 16_384
"""Characters; upstream prints whole bodies, but a message has to be read by somebody."""
ESCAPES: Final = str.maketrans(
    {
        **{chr(code): f"\\u{code:04X}" for code in range(0x20)},
        '"': '\\"',
        "\\": "\\\\",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
    }
)
FULL_DIGITS: Final = 21
"""Places before the point up to which rapidjson writes a number without an exponent."""
_NO_MORE: Final[Any] = object()


def dump(value: Json) -> str:
    """The text of `value`; numbers in lists and objects are written otherwise than lone ones.

    The writer stops dead at a NaN or an infinity inside a list or an object, as upstream.
    """
    if isinstance(value, float):
        return decimal(value, single=abs(value) <= LARGEST_FLOAT32)
    parts: list[str] = []
    length = 0
    for part in _parts(value):
        parts.append(part)
        length += len(part)
        if length > LONGEST:
            return "".join(parts)[:LONGEST] + "..."
    return "".join(parts)


def kind(value: Json) -> str:
    """rapidjson's name of its type."""
    if value is True or value is False:
        return str(value)
    return "String" if isinstance(value, str) else KINDS[type(value)]


KINDS: Final[dict[type[Any], str]] = {
    type(None): "Null", dict: "Object", list: "Array", int: "Number", float: "Number",
}  # fmt: skip


def _parts(value: Json) -> Iterator[str]:
    left: list[tuple[Iterator[Any], bool]] = []
    first = True
    while True:
        if isinstance(value, dict | list):
            an_object = isinstance(value, dict)
            yield "{" if an_object else "["
            left.append((iter(value.items() if isinstance(value, dict) else value), an_object))
            first = True
        else:
            if isinstance(value, float) and not math.isfinite(value):
                return
            yield _scalar(value)
            first = False
        while left:
            items, an_object = left[-1]
            item = next(items, _NO_MORE)
            if item is not _NO_MORE:
                break
            left.pop()
            if an_object:
                yield "}" if first else "\n" + INDENT * len(left) + "}"
            else:
                yield "]"
            first = False
        if not left:
            return
        if an_object:
            name, value = item
            yield ("\n" if first else ",\n") + INDENT * len(left) + _quoted(name) + ": "
        else:
            value = item
            yield "" if first else ", "


def _scalar(value: Json) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return _double(value)
    return {None: "null", True: "true", False: "false"}[value] if _is_word(value) else str(value)


def _is_word(value: Json) -> bool:
    return value is None or value is True or value is False


def _quoted(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"'


def _double(value: float) -> str:
    """The shortest digits that give the number again, placed as rapidjson places them."""
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{sign}0.0"
    _, numerals, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int), "only finite numbers come here"
    written = "".join(map(str, numerals))
    digits = written.rstrip("0")
    exponent += len(written) - len(digits)
    point = len(digits) + exponent
    if exponent >= 0 and point <= FULL_DIGITS:
        return f"{sign}{digits}{'0' * exponent}.0"
    if 0 < point <= FULL_DIGITS:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1}"
