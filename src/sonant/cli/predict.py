"""`sonant predict`: what is said in files, folders, or the rows of a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import typer

from sonant.cli import console
from sonant.cli.columns import AudioFolder, EndColumn, PathColumn, StartColumn, columns


def predict(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    inputs: list[Path] = typer.Argument(None, help="Files, folders, CSV or JSON-lines tables."),
    output: Path = typer.Option(
        None, "--output", "-o", help="Write .csv, .jsonl or .txt here; none: a table on the screen."
    ),
    format: Literal["csv", "jsonl", "table"] = typer.Option(
        None, "--format", help="csv, jsonl or table, whatever the ending."
    ),
    sample: Path = typer.Option(
        None, "--sample", help="A sample submission: its rows, order and columns are kept."
    ),
    top: int = typer.Option(3, "--top", min=1, help="How many labels with probabilities."),
    batch: int = typer.Option(64, "--batch", min=1, help="Clips in one call of the graph."),
    workers: int = typer.Option(None, "--workers", min=1, help="Threads that read files."),
    path_column: PathColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print one JSON object a clip."),
) -> None:
    """Say what each recording holds; a file that cannot be read is named, and the exit code is 1."""
    from sonant import prediction

    if not inputs and sample is None:
        raise typer.BadParameter("name files, folders or a table, or a --sample submission")
    with console.watching() as watch:
        done = prediction.predict(
            bundle,
            inputs or [],
            output=output if output is not None else None if json else sys.stdout,
            format=format,
            sample=sample,
            top=top,
            batch=batch,
            workers=workers,
            audio_dir=audio,
            columns=columns(path_column, "", "", "", start_column, end_column),
            on_prediction=(lambda found: console.result_json(found.to_json())) if json else None,
            on_progress=watch.progress("predicting"),
        )
    for found in done.unreadable:
        console.show(f"unreadable: {found.error}")
    console.show(f"{done.rows} clips, {len(done.unreadable)} of them unreadable")
    if done.output:
        console.show(f"written: {done.output}")
    console.next_step(
        f"sonant evaluate {bundle} --data DATA", "see how good it is on labelled clips"
    )
    if done.unreadable:
        raise typer.Exit(1)
