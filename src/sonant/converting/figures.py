"""What the rows of a folder of conversions come to: means, shares, and whether voices moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sonant.converting import copies
from sonant.converting.ledger import Row
from sonant.converting.paired import Change, change

SEMITONES: Final = 12.0
"""In an octave."""


def means(rows: Sequence[Row]) -> dict[str, Any]:
    """The means that matter, by name; those of scores that nobody asked for are left out."""
    found: dict[str, Any] = {
        name: copies.mean(numbers(rows, name))
        for name in (
            "cosine_target",
            "cosine_source",
            "cosine_unconverted",
            "f0_correlation",
            "mcd_db",
            "mcd_unconverted_db",
            "mark_db",
        )
    }
    found |= {
        "accept_rate": copies.mean(shares(rows, "accepted")),
        "accept_rate_unconverted": copies.mean(shares(rows, "accepted_unconverted")),
        "f0_from_target_semitones": copies.mean(apart(rows, "f0_converted_hz")),
        "f0_unconverted_from_target_semitones": copies.mean(apart(rows, "f0_source_hz")),
        "words_kept": copies.mean(kept(rows)),
    }
    if moved := moved_to_target(rows):
        found["moved_to_target"] = {
            "mean": moved.mean,
            "low": moved.low,
            "high": moved.high,
            "p_value": moved.p_value,
            "pairs": moved.pairs,
        }
    return {name: value for name, value in found.items() if value is not None}


def moved_to_target(rows: Sequence[Row]) -> Change | None:
    """How much nearer to the target than the source is a conversion lies, by cosine; None without scores."""
    scored = [row for row in rows if row["cosine_target"] and row["cosine_unconverted"]]
    if not scored:
        return None
    return change(
        [float(row["cosine_target"]) - float(row["cosine_unconverted"]) for row in scored],
        sources=[row["source"] for row in scored],
        voices=[row["speaker"] for row in scored],
    )


def numbers(rows: Sequence[Row], name: str) -> list[float]:
    """A column, where it is filled."""
    return [float(row[name]) for row in rows if row[name]]


def shares(rows: Sequence[Row], name: str) -> list[float]:
    """A column of yes and no as 1 and 0, where it is filled."""
    return [float(row[name] == "yes") for row in rows if row[name]]


def kept(rows: Sequence[Row]) -> list[float]:
    """1 where the recogniser hears the same word before and after."""
    asked = [row for row in rows if row["heard"]]
    return [float(row["heard"] == row["heard_unconverted"]) for row in asked]


def apart(rows: Sequence[Row], name: str) -> list[float]:
    """Semitones between a mean pitch and the target's."""
    pairs = [(row[name], row["f0_target_hz"]) for row in rows if row[name] and row["f0_target_hz"]]
    return [abs(SEMITONES * float(np.log2(float(one) / float(other)))) for one, other in pairs]
