"""What a file says and bears of being synthetic: its metadata, and the mark in its sound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sonant import audio
from sonant.conversion import mark, watermark
from sonant.conversion.mark import Origin
from sonant.conversion.watermark import KEY, Found
from sonant.errors import AudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """Both marks of one file."""

    path: Path
    origin: Origin | None
    """What its metadata say; None where they do not call it synthetic."""
    found: Found
    """What is in its sound."""

    @property
    def synthetic(self) -> bool:
        """Whether either mark is there. Without one, nothing is known."""
        return self.origin is not None or self.found.marked

    @property
    def verdict(self) -> str:
        """One sentence."""
        says = self.found.says
        model = f", made by model {says.model}" if says else ""
        if self.origin and self.found.marked:
            return f"synthetic: its metadata say so, and its sound is marked{model}"
        if self.origin:
            return "synthetic: its metadata say so; its sound bears no mark that can be found"
        if self.found.marked:
            return f"synthetic: its sound is marked{model}; its metadata say nothing"
        return "no mark found, which does not prove that it is a recording"

    def to_json(self) -> dict[str, Any]:
        """What `sonant spoof inspect --json` prints."""
        return {
            "path": str(self.path),
            "synthetic": self.synthetic,
            "verdict": self.verdict,
            "metadata": asdict(self.origin) if self.origin else None,
            "watermark": {
                "found": self.found.marked,
                "score": round(self.found.score, 3),
                "threshold": watermark.THRESHOLD,
                "model": self.found.says.model if self.found.says else None,
                "start_s": self.found.start_s,
            },
        }


def inspect(path: Path, *, key: str = KEY) -> Inspected:
    """Look for both marks in a file; raises `AudioError` when it cannot be read as audio."""
    try:
        found = watermark.find(audio.read(path), key=key)
    except AudioError as error:
        # The mark is looked for in samples, which have no name.
        named = str(error).startswith(str(path))
        raise AudioError(str(error) if named else f"{path}: {error}") from error
    return Inspected(path=path, origin=mark.read(path), found=found)
