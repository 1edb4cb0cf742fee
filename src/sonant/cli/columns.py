"""Options that say which column of a table is what; the verbs that read tables share them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from sonant.listing.columns import Columns

PANEL = "Tables (each found by its name unless given)"

PathColumn: TypeAlias = Annotated[
    str, typer.Option("--path-column", help="Column of the files.", rich_help_panel=PANEL)
]
LabelColumn: TypeAlias = Annotated[
    str, typer.Option("--label-column", help="Column of the labels.", rich_help_panel=PANEL)
]
SpeakerColumn: TypeAlias = Annotated[
    str, typer.Option("--speaker-column", help="Column of the speakers.", rich_help_panel=PANEL)
]
SplitColumn: TypeAlias = Annotated[
    str, typer.Option("--split-column", help="Column of the splits.", rich_help_panel=PANEL)
]
StartColumn: TypeAlias = Annotated[
    str, typer.Option("--start-column", help="Column of first seconds.", rich_help_panel=PANEL)
]
EndColumn: TypeAlias = Annotated[
    str, typer.Option("--end-column", help="Column of last seconds.", rich_help_panel=PANEL)
]
AudioFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--audio", help="Folder of the files a table names.", rich_help_panel=PANEL),
]


def columns(path: str, label: str, speaker: str, split: str, start: str, end: str) -> Columns:
    """The columns asked for; empty ones are found by name."""
    return Columns(path=path, label=label, speaker=speaker, split=split, start=start, end=end)
