"""What the manifest of a folder of conversions says; `sonant.ledger` keeps it in step with the files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from sonant.ledger import MANIFEST, Ledger, Row, digest

__all__ = [
    "COLUMNS",
    "LABEL",
    "MANIFEST",
    "SCORES",
    "SEPARATOR",
    "Ledger",
    "Row",
    "digest",
    "opened",
]

LABEL: Final = "spoof"
"""Of every row: what a detector is trained to call it."""
SETTINGS: Final = ("model", "vocoder", "seed", "f0", "seglen_s", "watermark")
"""Columns that are the same in all rows of a folder."""
SCORES: Final = (
    "cosine_target",
    "cosine_source",
    "cosine_unconverted",
    "accepted",
    "accepted_unconverted",
    "f0_correlation",
    "f0_source_hz",
    "f0_target_hz",
    "f0_converted_hz",
    "mcd_db",
    "mcd_unconverted_db",
    "heard",
    "heard_unconverted",
)
"""Columns that are empty where nobody asked, or nothing could be measured."""
COLUMNS: Final = (
    "path",
    "label",
    "speaker",
    "source",
    "voice_files",
    *SETTINGS,
    "seconds",
    "mark_db",
    *SCORES,
    "sha256",
)
SEPARATOR: Final = "|"
"""Between the files of one voice."""


def opened(folder: Path, settings: Mapping[str, str]) -> AbstractContextManager[Ledger]:
    """The ledger of a folder of conversions; raises `ManifestError` as `Ledger.opened` does."""
    return Ledger.opened(folder, settings, columns=COLUMNS, what="conversions")
