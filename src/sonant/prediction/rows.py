"""Predictions as text, one row a clip: CSV, JSON lines, or a table to look at."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Final, Literal

from sonant.manifest import Item
from sonant.runtime.recogniser import Prediction

Format = Literal["csv", "jsonl", "table"]
Write = Callable[[Prediction], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What all rows share, known before the first."""

    top: int
    """Labels a row."""
    segments: bool
    """Whether some clips are parts of files, so that a path alone does not tell them apart."""
    path_width: int
    """Characters of the longest path, with its segment where it has one."""
    label_width: int
    """Characters of the longest label."""

    @classmethod
    def of(
        cls, items: Sequence[Item], names: Sequence[str], *, labels: Sequence[str], top: int
    ) -> Layout:
        """The layout for these clips, by the names they are shown under, and these labels."""
        shown = [
            _shown(name, item.start_s, item.end_s) for name, item in zip(names, items, strict=True)
        ]
        return cls(
            top=min(top, len(labels)),
            segments=any(item.start_s is not None or item.end_s is not None for item in items),
            path_width=max(len("path"), *(len(row) for row in shown)),
            label_width=max(len("label"), *map(len, labels)),
        )


def _as_csv(file: IO[str], layout: Layout) -> Write:
    """`file_name,target,probability`, then `target_2,probability_2`... for the runners-up."""
    writer = csv.writer(file, lineterminator="\n")
    times = ["start_s", "end_s"] if layout.segments else []
    ranks = ["", *(f"_{rank}" for rank in range(2, layout.top + 1))]
    answers = [f"{column}{rank}" for rank in ranks for column in ("target", "probability")]
    writer.writerow(["file_name", *times, *answers])

    def write(prediction: Prediction) -> None:
        cells = [cell for label, share in prediction.top for cell in (label, f"{share:.6f}")]
        segment = [prediction.start_s, prediction.end_s] if layout.segments else []
        empty = [""] * (len(answers) - len(cells))
        writer.writerow([prediction.path, *segment, *cells, *empty])

    return write


def _as_jsonl(file: IO[str], layout: Layout) -> Write:
    """One object a line."""

    def write(prediction: Prediction) -> None:
        file.write(json.dumps(prediction.to_json(), ensure_ascii=False) + "\n")

    return write


def _as_table(file: IO[str], layout: Layout) -> Write:
    """Columns that line up, with the error where there is no label."""

    def line(path: str, label: str, rest: str) -> None:
        row = f"{path:<{layout.path_width}}  {label:<{layout.label_width}}  {rest}"
        file.write(row.rstrip() + "\n")

    line("path", "label", "probability")

    def write(prediction: Prediction) -> None:
        name = _shown(prediction.path, prediction.start_s, prediction.end_s)
        if prediction.error:
            line(name, "-", prediction.error)
            return
        (label, share), *others = prediction.top
        runners_up = "".join(f"  {other} {part:.2%}" for other, part in others)
        line(name, label, f"{share:>11.2%}{runners_up}")

    return write


def _shown(name: str, start_s: float | None, end_s: float | None) -> str:
    """What tells a clip from the others to a person."""
    if start_s is None and end_s is None:
        return name
    end = "the end" if end_s is None else f"{end_s:g} s"
    return f"{name} [{start_s or 0:g} s to {end}]"


WRITERS: Final[dict[Format, Callable[[IO[str], Layout], Write]]] = {
    "csv": _as_csv,
    "jsonl": _as_jsonl,
    "table": _as_table,
}
"""Each takes an open file, writes what stands above the rows, and returns what writes one."""
