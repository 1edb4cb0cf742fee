"""`sonant convert`: what recordings say, in other voices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from sonant.cli import console

if TYPE_CHECKING:
    from sonant.converting import Done, Outlook

SCORES = "What is measured"
MARKS = "What is written"


def convert(
    bundle: Path = typer.Argument(..., help="A conversion bundle, or the run folder it is in."),
    source: list[Path] = typer.Option(
        None,
        "--source",
        "-s",
        help="What is said: a file, a folder of any depth, a table; again for more.",
    ),
    target: list[Path] = typer.Option(
        None, "--target", "-t", help="Whose voice: a file, a folder, a table; again for more."
    ),
    out: Path = typer.Option(
        ..., "--out", "-o", help="Folder of the results; a second run goes on."
    ),
    vocoder: str = typer.Option(
        None,
        "--vocoder",
        help="griffin-lim, or a vocoder's bundle; none: the one that is nested, if any.",
    ),
    nest: bool = typer.Option(
        False, "--nest", help="First write the bundle's next version with the vocoder inside."
    ),
    voices: Literal["file", "folder", "all"] = typer.Option(
        "file",
        "--voices",
        help="What one voice is: each target file, each folder of them, all together.",
    ),
    pairs: str = typer.Option(
        "all", "--pairs", help="all, 'random N', or a CSV with the columns source and target."
    ),
    f0: bool = typer.Option(
        False, "--f0", help="Move mean and spread of the pitch to the target's."
    ),
    seglen: float = typer.Option(
        20.0, "--seglen", min=2.0, help="Seconds of the windows that long audio is converted in."
    ),
    seed: int = typer.Option(0, "--seed", help="For the pairs and for Griffin-Lim's first phases."),
    njobs: int = typer.Option(
        None, "--njobs", "-j", min=1, help="Conversions at a time; none: cores."
    ),
    dry: bool = typer.Option(False, "--dry", help="Say what would be done, and do nothing."),
    skip_unreadable: bool = typer.Option(
        False,
        "--skip-unreadable",
        help="Leave out recordings that are damaged, silent or too short.",
    ),
    speaker: Path = typer.Option(
        None, "--speaker", metavar="BUNDLE", help="Whose voice is it?", rich_help_panel=SCORES
    ),
    recogniser: Path = typer.Option(
        None,
        "--recogniser",
        metavar="BUNDLE",
        help="Is the word still there?",
        rich_help_panel=SCORES,
    ),
    melody: bool = typer.Option(
        True, "--melody/--no-melody", help="Measure the pitch.", rich_help_panel=SCORES
    ),
    plots: int = typer.Option(
        20, "--plots", min=0, help="Draw the first so many.", rich_help_panel=MARKS
    ),
    mel: bool = typer.Option(
        True, "--mel/--no-mel", help="Write spectrograms as .npy.", rich_help_panel=MARKS
    ),
    watermark: bool = typer.Option(
        True, "--watermark/--no-watermark", help="A faint mark in the sound.", rich_help_panel=MARKS
    ),
    watermark_key: str = typer.Option(
        None,
        "--watermark-key",
        envvar="SONANT_WATERMARK_KEY",
        help="Of the mark; none: the public one.",
        rich_help_panel=MARKS,
    ),
    json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
) -> None:
    """Say what the sources say in the voices of the targets, who agreed to it; the results are marked."""
    from sonant import converting
    from sonant.conversion.watermark import KEY

    wanted = converting.Wanted(
        sources=tuple(source or ()),
        targets=tuple(target or ()),
        pairs=pairs,
        voices=voices,
        seglen_s=seglen,
        njobs=njobs,
        seed=seed,
        f0=f0,
        key=(watermark_key or KEY) if watermark else None,
        speaker=speaker,
        recogniser=recogniser,
        melody=melody,
        skip_unreadable=skip_unreadable,
        plots=plots,
        mels=mel,
    )
    with console.watching() as watch:
        converter = converting.open_converter(
            bundle, vocoder, nested=nest and not dry, seglen_s=seglen, on_event=watch
        )
        if dry:
            _print_outlook(converting.outlook(converter, wanted, on_event=watch), as_json=json)
            console.next_step("the same without --dry", "convert them")
            return
        done = converting.convert(converter, wanted, out=out, on_event=watch)
    _print(done, as_json=json)
    console.next_step(f"open {done.report}", "listen, and see whose voice is heard")
    console.next_step(f"sonant spoof inspect {out}", "find the marks again")


def _print_outlook(found: Outlook, *, as_json: bool) -> None:
    if as_json:
        console.result_json(found.to_json())
        return
    for message in found.skipped:
        console.show(f"left out: {message}")
    listed = found.first
    console.table(
        ("file", "source", "voice"),
        [(f"wav/{pair.name}.wav", pair.source.name, pair.voice.name) for pair in listed],
    )
    if found.conversions > len(listed):
        console.show(f"... and {found.conversions - len(listed):,} more")
    if found.own:
        console.show(f"{found.own:,} pairs of a recording with itself are left out")
    console.show(
        f"{found.conversions:,} conversions of {found.recordings:,} recordings: "
        f"{found.seconds / 60:,.1f} min of speech, {found.bytes / 1e6:,.1f} MB"
    )


def _print(done: Done, *, as_json: bool) -> None:
    for message in done.skipped:
        console.show(f"left out: {message}")
    if as_json:
        console.result_json(done.to_json())
        return
    figures = done.to_json()
    rows = [
        (name.replace("_", " "), f"{value:.3f}")
        for name, value in figures.items()
        if isinstance(value, float)
    ]
    if moved := figures.get("moved_to_target"):
        interval = f"{moved['mean']:+.3f} ({moved['low']:+.3f} to {moved['high']:+.3f})"
        rows.append(("moved to the target, 95 % interval", interval))
    if rows:
        console.table(("mean of", "value"), rows)
    console.show(f"{len(done.rows):,} conversions, {done.made:,} of them now")
    console.show(f"written: {done.manifest}")
    console.show(f"written: {done.report}")
