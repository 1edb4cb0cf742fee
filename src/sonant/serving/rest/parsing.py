"""A JSON parser that takes, refuses and reports exactly what rapidjson's iterative parser does.

It is the careful twin of a fast parser: it is asked only when that one refuses a body, and then either
finds what is wrong and where, or takes what rapidjson takes beyond the standard: NaN, Inf and
Infinity, bytes that are no UTF-8, any depth, and whatever comes after the root.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn, TypeAlias, final

import orjson

from sonant.serving.status import Refusal, invalid

Json: TypeAlias = Any
"""dict (of repeated names the first counts), list, str, int, float, bool or None.

Strings that were no UTF-8 hold the bytes in Python's way (surrogateescape).
"""

EMPTY: Final = "The document is empty."
NO_VALUE: Final = "Invalid value."
NO_NAME: Final = "Missing a name for object member."
NO_COLON: Final = "Missing a colon after a name of object member."
NO_BRACE: Final = "Missing a comma or '}' after an object member."
NO_BRACKET: Final = "Missing a comma or ']' after an array element."
BAD_HEX: Final = "Incorrect hex digit after \\u escape in string."
BAD_SURROGATE: Final = "The surrogate pair in string is invalid."
BAD_ESCAPE: Final = "Invalid escape character in string."
NO_QUOTE: Final = "Missing a closing quotation mark in string."
TOO_BIG: Final = "Number too big to be stored in double."
NO_FRACTION: Final = "Miss fraction part in number."
NO_EXPONENT: Final = "Miss exponent in number."

BOM: Final = b"\xef\xbb\xbf"
WORDS: Final = {b"n": (b"null", None), b"t": (b"true", True), b"f": (b"false", False)}
ESCAPES: Final = {
    b'"': b'"', b"\\": b"\\", b"/": b"/", b"b": b"\b",
    b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t",
}  # fmt: skip

_SPACE = rb"[ \t\r\n]*+"
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
SPACE: Final = re.compile(_SPACE)
NUMBER: Final = re.compile(rb"-?(0|[1-9][0-9]*+)?(\.[0-9]*+)?([eE][+-]?[0-9]*+)?")
RUN: Final = re.compile(b"(?>" + _NUMBER + _SPACE + b"," + _SPACE + b")++")
"""Numbers, each with the comma after it: they are left to the fast parser."""
PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*+')
HEX: Final = re.compile(rb"[0-9A-Fa-f]{4}")
LONGEST_INTEGER: Final = 20
"""Characters of the longest integer that has 64 bits."""
MOST_STEPS: Final = 2_000_000
"""Values read one by one: some seconds of work, which a hostile body must not turn into minutes."""


def parse(text: bytes, *, deepest: int) -> tuple[Json, int]:
    """The first value in `text`, and the offset behind it.

    Raises `Refusal` (INVALID_ARGUMENT) with rapidjson's words and offset, or with our own where
    lists and objects are nested in more than `deepest` levels.
    """
    parser = _Parser(text, deepest)
    return parser.root(), parser.at


@final
class _Parser:
    """One pass; lists and objects that are open are on a stack of our own, not on Python's."""

    def __init__(self, text: bytes, deepest: int) -> None:
        end = text.find(0)
        # To rapidjson a zero byte is the end.
        self._text = text if end < 0 else text[:end]
        self._deepest = deepest
        self._open: list[dict[str, Json] | list[Json]] = []
        self._names: list[str] = []
        self._steps = 0
        self._bulk = True
        self.at = len(BOM) if text.startswith(BOM) else 0

    def root(self) -> Json:
        self._skip()
        if self._peek() in (b"", b"]", b"}", b",", b":"):
            self._fail(EMPTY)
        while True:
            done, value = self._begin()
            while done:
                if not self._open:
                    return value
                done, value = self._end(value)

    def _begin(self) -> tuple[bool, Json]:
        """Read a value, or open a list or an object; whether the value is complete."""
        char = self._peek()
        if char == b"[":
            self._push([])
            if self._peek() != b"]":
                self._numbers()
                return False, None
        elif char == b"{":
            self._push({})
            if self._peek() != b"}":
                self._name()
                return False, None
        else:
            return True, self._scalar(char)
        self.at += 1
        return True, self._open.pop()

    def _end(self, value: Json) -> tuple[bool, Json]:
        """Put a value where it belongs; if that closes a list or an object, that is the next."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            self._fail(f"More than {MOST_STEPS} values in a body that is not strict JSON.")
        innermost = self._open[-1]
        self._skip()
        char = self._peek()
        if isinstance(innermost, list):
            innermost.append(value)
            closing, missing = b"]", NO_BRACKET
        else:
            innermost.setdefault(self._names.pop(), value)
            closing, missing = b"}", NO_BRACE
        if char not in (b",", closing):
            self._fail(missing)
        self.at += 1
        if char == closing:
            return True, self._open.pop()
        self._skip()
        if isinstance(innermost, list):
            self._numbers()
        else:
            self._name()
        return False, None

    def _push(self, container: dict[str, Json] | list[Json]) -> None:
        if len(self._open) >= self._deepest:
            self._fail(f"Nested deeper than {self._deepest} levels.")
        self._open.append(container)
        self.at += 1
        self._skip()

    def _numbers(self) -> None:
        """Most lists are long and of plain numbers: take those before the last at once."""
        run = RUN.match(self._text, self.at) if self._bulk else None
        innermost = self._open[-1]
        if run is None or not isinstance(innermost, list):
            return
        try:
            innermost += orjson.loads(b"[" + run[0].rstrip(b" \t\r\n,") + b"]")
        except orjson.JSONDecodeError:
            # One of them is too big: reading them one by one finds which.
            self._bulk = False
            return
        self.at = run.end()

    def _name(self) -> None:
        if self._peek() != b'"':
            self._fail(NO_NAME)
        self._names.append(self._string())
        self._skip()
        if self._peek() != b":":
            self._fail(NO_COLON)
        self.at += 1
        self._skip()

    def _scalar(self, char: bytes) -> Json:
        if char == b'"':
            return self._string()
        if char in WORDS:
            word, value = WORDS[char]
            self._word(word)
            return value
        return self._number()

    def _word(self, word: bytes) -> None:
        for letter in word:
            if self._peek() != bytes((letter,)):
                self._fail(NO_VALUE)
            self.at += 1

    def _number(self) -> Json:
        found = NUMBER.match(self._text, self.at)
        assert found is not None, "the pattern takes nothing, too"
        whole, fraction, exponent = found.groups()
        if whole is None:
            return self._not_finite()
        if fraction == b".":
            self._fail(NO_FRACTION, found.end(2))
        if exponent is not None and not exponent[-1:].isdigit():
            self._fail(NO_EXPONENT, found.end(3))
        start, self.at = self.at, found.end()
        if fraction is None and exponent is None and len(found[0]) <= LONGEST_INTEGER:
            integer = int(found[0])
            if -(2**63) <= integer < 2**64:
                return integer
        value = float(found[0])
        if value in (float("inf"), float("-inf")):
            self._fail(TOO_BIG, start)
        return value

    def _not_finite(self) -> float:
        sign = 1
        if self._peek() == b"-":
            sign = -1
            self.at += 1
        if self._peek() == b"N":
            self._word(b"NaN")
            return float("nan")
        self._word(b"Inf")
        if self._peek() == b"i":
            self._word(b"inity")
        return sign * float("inf")

    def _string(self) -> str:
        self.at += 1
        parts: list[bytes] = []
        while True:
            plain = PLAIN.match(self._text, self.at)
            assert plain is not None, "the pattern takes nothing, too"
            parts.append(plain[0])
            self.at = plain.end()
            char = self._peek()
            if char == b'"':
                self.at += 1
                return b"".join(parts).decode("utf-8", "surrogateescape")
            if char != b"\\":
                self._fail(BAD_ESCAPE if char else NO_QUOTE)
            parts.append(self._escape())

    def _escape(self) -> bytes:
        start = self.at
        self.at += 2
        letter = self._text[start + 1 : self.at]
        if letter != b"u":
            if letter not in ESCAPES:
                self._fail(BAD_ESCAPE, start)
            return ESCAPES[letter]
        code = self._hex(start)
        if 0xD800 <= code <= 0xDBFF:
            if self._text[self.at : self.at + 2] != b"\\u":
                self._fail(BAD_SURROGATE, start)
            self.at += 2
            low = self._hex(start)
            if not 0xDC00 <= low <= 0xDFFF:
                self._fail(BAD_SURROGATE, start)
            code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
        # rapidjson lets a lone second half pass.
        return chr(code).encode("utf-8", "surrogatepass")

    def _hex(self, start: int) -> int:
        digits = HEX.match(self._text, self.at)
        if digits is None:
            self._fail(BAD_HEX, start)
        self.at += 4
        return int(digits[0], 16)

    def _peek(self) -> bytes:
        return self._text[self.at : self.at + 1]

    def _skip(self) -> None:
        space = SPACE.match(self._text, self.at)
        assert space is not None, "the pattern takes nothing, too"
        self.at = space.end()

    def _fail(self, words: str, at: int | None = None) -> NoReturn:
        raise unparsable(words, self.at if at is None else at)


def unparsable(words: str, at: int) -> Refusal:
    """The refusal of a body that is no JSON."""
    return invalid(f"JSON Parse error: {words} at offset: {at}")
