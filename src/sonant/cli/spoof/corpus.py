"""`sonant spoof corpus`: bona fide clips and the results of attacks and conversions as one table."""

from __future__ import annotations

from pathlib import Path

import typer

from sonant.cli import console
from sonant.cli.columns import (
    AudioFolder,
    LabelColumn,
    PathColumn,
    SpeakerColumn,
    SplitColumn,
    columns,
)


def corpus(
    table: Path = typer.Argument(..., help="The table to write, a CSV."),
    bonafide: list[str] = typer.Option(
        ..., "--bonafide", help="Folder or table of recordings; again for more."
    ),
    forged: list[Path] = typer.Option(
        ..., "--forged", help="Folder or table of attack, convert or equalise; again for more."
    ),
    attacks: list[str] = typer.Option(
        None, "--attack", help="Only forgeries of this attack, as pgd; again for more; none: all."
    ),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the counts as one JSON object."),
) -> None:
    """Join recordings and forgeries into one table to train a detector on; columns are of --bonafide."""
    from sonant.data import sources
    from sonant.spoofing import corpus as joining
    from sonant.spoofing.corpus import Results

    named = columns(path_column, label_column, speaker_column, split_column, "", "")
    found = joining.join(
        [sources.load(one, columns=named, audio=audio) for one in bonafide],
        [Results.load(one) for one in forged],
        table=table,
        attacks=attacks or (),
    )
    labels = {label: len(found.manifest.where(labels=(label,))) for label in found.manifest.labels}
    if json:
        console.result_json(
            {"table": str(found.table), "labels": labels, "attacks": dict(found.attacks)}
        )
    else:
        rows = [
            *labels.items(),
            *((f"  {name or 'no attack named'}", n) for name, n in found.attacks.items()),
        ]
        console.table(("clips", "count"), rows, title=str(found.table))
    if not found.manifest.splits:
        console.show("without splits: training makes them, of whole speakers")
    console.next_step(f"sonant spoof equalise {found.table} FOLDER", "take other differences away")
