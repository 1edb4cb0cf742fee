"""The two labels of speech that may be forged, and the words people write for them."""

from __future__ import annotations

from typing import Final

from sonant.errors import ManifestError

BONAFIDE: Final = "bonafide"
"""Said by a person into a microphone."""
SPOOF: Final = "spoof"
"""Made by a machine, or played again."""
LABELS: Final = (BONAFIDE, SPOOF)
"""In the order of a detector's answer."""

WORDS: Final[dict[str, str]] = {
    **dict.fromkeys(("bonafide", "genuine", "human", "live", "natural", "real"), BONAFIDE),
    **dict.fromkeys(
        ("attack", "deepfake", "fake", "generated", "spoof", "spoofed", "synthetic"), SPOOF
    ),
}
"""What labels are called, in lower case without blanks, hyphens and underscores."""


def spoof_label(word: str, *, where: str) -> str:
    """`bonafide` or `spoof` for any of `WORDS`; raises `ManifestError` that names `where` for another."""
    plain = word.strip().lower().replace(" ", "").replace("-", "").replace("_", "")
    if plain not in WORDS:
        raise ManifestError(
            f"{where}: the label {word!r} says neither {BONAFIDE} nor {SPOOF}; use one of "
            f"{', '.join(WORDS)}, or name the column that says it with --label-column NAME"
        )
    return WORDS[plain]
