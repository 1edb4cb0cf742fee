"""A JSON object read strictly: every key and type is checked, and named when it is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from sonant.errors import BundleError

SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTree:
    """One object of a JSON file, taken apart key by key; a complaint names the file and the key."""

    file: Path
    where: str
    values: Mapping[str, Any]

    def error(self, key: str, message: str) -> BundleError:
        """A complaint about `key`."""
        return BundleError(f"{self.file}: {self.where}{key}: {message}")

    def only(self, *keys: str) -> None:
        """Refuse every key but these."""
        for key in self.values:
            if key not in keys:
                raise self.error(key, "this format has no such key")

    def get(self, key: str, *kinds: type) -> Any:
        """The value of `key`, of one of these types."""
        if key not in self.values:
            raise self.error(key, "missing")
        value = self.values[key]
        # `type` and not `isinstance`: True is an int to Python, but not in a card.
        if type(value) not in kinds:
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise self.error(key, f"{value!r} is {type(value).__name__}, want {wanted}")
        return value

    def text(self, key: str) -> str:
        """A string."""
        return cast(str, self.get(key, str))

    def folder_name(self, key: str) -> str:
        """A string that can name a folder."""
        text = self.text(key)
        if text in {"", ".", ".."} or "/" in text or "\\" in text:
            raise self.error(key, f"{text!r} is no name of a folder")
        return text

    def count(self, key: str, *, least: int = 1) -> int:
        """An integer of `least` or more."""
        number = cast(int, self.get(key, int))
        if number < least:
            raise self.error(key, f"{number} is too small, want {least} or more")
        return number

    def number(self, key: str) -> float:
        """A finite number."""
        number = float(self.get(key, int, float))
        if not math.isfinite(number):
            raise self.error(key, f"{number} is not finite")
        return number

    def numbers(self) -> dict[str, float]:
        """Every value of this object, each a finite number."""
        return {key: self.number(key) for key in self.values}

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """A string that is one of `choices`."""
        text = self.text(key)
        if text not in choices:
            raise self.error(key, f"{text!r} is not one of {', '.join(choices)}")
        return text

    def table(self, key: str) -> JsonTree:
        """An object within this one."""
        return JsonTree(file=self.file, where=f"{self.where}{key}.", values=self.get(key, dict))

    def checksums(self, *, but: str) -> dict[str, str]:
        """Relative file name -> sha256; a name that leads elsewhere, or is `but`, is refused."""
        for name in self.values:
            pure = PurePosixPath(name)
            plain = pure.as_posix() == name and name not in {".", but} and not pure.is_absolute()
            if not plain or ".." in pure.parts or "\\" in name or ":" in name:
                raise self.error(name, "is no file inside the folder")
            if not SHA256.fullmatch(self.text(name)):
                raise self.error(name, f"{self.text(name)!r} is no sha256 (64 hexadecimal digits)")
        return dict(self.values)
