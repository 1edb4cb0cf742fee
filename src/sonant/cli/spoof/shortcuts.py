"""`sonant spoof audit` and `equalise`: what of a corpus tells its labels, and clips without it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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


def audit(
    data: str = typer.Argument(
        ..., help="Folder, CSV or JSON lines of bona fide and forged clips."
    ),
    report: Path = typer.Option(None, "--report", help="Write the page here."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
) -> None:
    """Try to tell forgeries without the speech; exits with 1 where silence, length or the like do."""
    from dataclasses import asdict

    from sonant import page
    from sonant.data import sources
    from sonant.spoofing import auditing
    from sonant.spoofing.page import of_audit

    named = columns(path_column, label_column, speaker_column, "", "", "")
    manifest = sources.load(data, columns=named, audio=audio)
    with console.watching() as watch:
        found = auditing.audit(manifest, on_progress=watch.progress("measuring"))
    if report is not None:
        page.write(report, of_audit(found))
    if json:
        console.result_json({**asdict(found), "clean": found.clean})
    else:
        rows = [
            (
                shortcut.group.replace("_", " "),
                f"{100 * shortcut.eer.value:.1f}",
                f"{100 * shortcut.eer.low:.1f} to {100 * shortcut.eer.high:.1f}",
                "near chance" if shortcut.near_chance else "tells the labels",
            )
            for shortcut in found.shortcuts
        ]
        title = f"{found.bonafide} bona fide and {found.spoofs} forged clips of {found.speakers} speakers"
        console.table(("measured", "EER, %", "95 %", ""), rows, title=title)
    for message in found.left_out:
        console.show(f"left out: {message}")
    if not found.clean:
        console.next_step(f"sonant spoof equalise {data} FOLDER", "take such differences away")
        raise typer.Exit(1)
    console.next_step(f"sonant spoof train --data {data}", "train a detector")


def equalise(
    data: str = typer.Argument(
        ..., help="Folder, CSV or JSON lines of bona fide and forged clips."
    ),
    folder: Path = typer.Argument(..., help="Where the new clips and their table go."),
    keep: Literal["speech", "pauses"] = typer.Option(
        "speech", "--keep", help="`pauses` makes clips on which a sound detector has to fail."
    ),
    length_s: float = typer.Option(3.0, "--length", help="Seconds of every clip."),
    level_db: float = typer.Option(-26.0, "--level", help="Decibels under full scale."),
    rate_hz: int = typer.Option(16_000, "--rate", help="Hertz."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    audio: AudioFolder = None,
) -> None:
    """Make clips alike in silence, level, rate, length and format: only the voice is left to judge."""
    from sonant.data import sources
    from sonant.spoofing import conditions, equalising

    named = columns(path_column, label_column, speaker_column, split_column, "", "")
    manifest = sources.load(data, columns=named, audio=audio)
    equal = equalising.Equal(keep=keep, rate_hz=rate_hz, length_s=length_s, level_db=level_db)
    with console.watching() as watch:
        found = equalising.equalise(
            manifest,
            folder,
            equal=equal,
            conditions=conditions.read(data, manifest),
            on_progress=watch.progress("equalising"),
        )
    for message in found.left_out:
        console.show(f"left out: {message}")
    print(f"{len(found.manifest)} clips in {found.table}")
    console.next_step(f"sonant spoof audit {found.table}", "see whether anything still tells them")
