"""`sonant spoof inspect`: the marks that `sonant convert` leaves."""

from __future__ import annotations

from pathlib import Path

import typer

from sonant.cli import console
from sonant.errors import AudioError


def inspect(
    files: list[Path] = typer.Argument(..., help="Files, folders of any depth, tables."),
    watermark_key: str = typer.Option(
        None,
        "--watermark-key",
        envvar="SONANT_WATERMARK_KEY",
        help="Of the mark that is looked for; none: the public one.",
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object a file."),
) -> None:
    """Look for the marks that `sonant convert` leaves, in metadata and in the sound."""
    from sonant import prediction
    from sonant.conversion import inspecting
    from sonant.conversion.watermark import KEY

    paths = list(dict.fromkeys(item.path for item in prediction.gather(files).items))
    unreadable = synthetic = 0
    for path in paths:
        try:
            found = inspecting.inspect(path, key=watermark_key or KEY)
        except AudioError as error:
            unreadable += 1
            console.show(f"unreadable: {error}")
            continue
        synthetic += found.synthetic
        if json:
            console.result_json(found.to_json())
        else:
            print(f"{path}: {found.verdict} (score {found.found.score:.1f})")
    console.show(f"{synthetic} of {len(paths)} files bear a mark, {unreadable} cannot be read")
    console.next_step(
        "sonant convert --help",
        "make marked speech; a file without a mark may be synthetic as well",
    )
    if unreadable:
        raise typer.Exit(1)
