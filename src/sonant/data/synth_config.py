"""The settings of the embedded corpus: what is spoken, by how many, and how it is heard."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from sonant.errors import ManifestError

FORMAT: Final = 1
"""Goes up when the same settings are meant to give another corpus."""

_LABEL: Final = re.compile(r"[^\W_](?:[\w' -]*[\w'])?")
"""What can be spoken and can name a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthConfig:
    """What is spoken, by how many, and how it is heard."""

    words: tuple[str, ...] = ("down", "go", "left", "no", "right", "stop", "up", "yes")
    """The labels; `_` and `-` are spoken as blanks."""
    speakers: int = 80
    """How many voices; a tenth each for validation and test, the others train."""
    takes: int = 2
    """Clips of each word by each speaker."""
    rate_hz: int = 16000
    """Hertz."""
    duration_s: float = 1.0
    """Seconds of every clip."""
    shift_s: float = 0.05
    """Seconds that a word may lie off the middle of its clip."""
    snr_db: tuple[float, float] = (8.0, 30.0)
    """Decibels of the word over the noise, drawn for each clip between these two."""
    level_db: tuple[float, float] = (-25.0, -17.0)
    """Decibels of the word to full scale, drawn for each clip between these two."""
    echo_share: float = 0.2
    """Share of the clips that are heard in a room."""
    seed: int = 0
    """Another seed, other voices, noise and splits."""

    def __post_init__(self) -> None:
        """Refuse what cannot be made, naming the field and what it wants."""
        folded = {word.casefold() for word in self.words}
        wrong = {
            "words: there are none; want one at least": not self.words,
            f"words: one stands twice in {list(self.words)}": len(folded) < len(self.words),
            f"words: want letters, digits, blanks, ', - and _; have {list(self.words)}": not all(
                map(_LABEL.fullmatch, self.words)
            ),
            f"speakers: {self.speakers} do not fill three splits; want 3 or more": (
                self.speakers < 3
            ),
            f"takes: {self.takes}; want 1 or more": self.takes < 1,
            f"rate_hz: {self.rate_hz}; speech wants 4000 or more": self.rate_hz < 4000,
            f"duration_s: {self.duration_s}; want 0.1 to 60": not 0.1 <= self.duration_s <= 60.0,
            f"shift_s: {self.shift_s}; want 0 or more": self.shift_s < 0.0,
            f"snr_db: {self.snr_db}; want the lower first": self.snr_db[0] > self.snr_db[1],
            f"level_db: {self.level_db}; want the lower first": self.level_db[0] > self.level_db[1],
            f"echo_share: {self.echo_share}; want 0 to 1": not 0.0 <= self.echo_share <= 1.0,
            f"seed: {self.seed}; want 0 or more": self.seed < 0,
        }
        for message, found in wrong.items():
            if found:
                raise ManifestError(message)

    def plain(self) -> dict[str, Any]:
        """The same as it comes back from JSON: lists instead of tuples."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @property
    def digest(self) -> str:
        """Short name of these settings, for a folder of their own."""
        text = json.dumps([FORMAT, self.plain()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def length(self) -> int:
        """Samples of every clip."""
        return round(self.duration_s * self.rate_hz)
