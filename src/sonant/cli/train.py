"""`sonant train`: from data to a bundle and a report."""

from __future__ import annotations

from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from sonant import shipped
from sonant.card import Card
from sonant.cli import console
from sonant.cli.columns import (
    AudioFolder,
    EndColumn,
    LabelColumn,
    PathColumn,
    SpeakerColumn,
    SplitColumn,
    StartColumn,
    columns,
)

if TYPE_CHECKING:
    from sonant.runs import Outcome

NEXT: Final = {
    "keywords": ("sonant predict {bundle} CLIP.wav", "ask it about a recording"),
    "speakers": (
        "sonant speaker calibrate --data DATA --model {bundle}",
        "learn what its scores mean",
    ),
    "conversion": (
        "sonant convert {bundle} --source A --target B --out DIR",
        "hear the words of A in the voice of B",
    ),
    "vocoding": (
        "sonant convert CONVERTER --vocoder {bundle} --source A --target B --out DIR",
        "hear conversions through it",
    ),
    "spoofing": ("sonant spoof score {bundle} CLIP.wav", "ask it about a recording"),
}
"""What to do with a bundle, by its task."""


def train(
    recipe: str = typer.Argument(
        "", help=f"A shipped recipe (`sonant recipes`) or a TOML file; none: {shipped.DEFAULT}."
    ),
    overrides: list[str] = typer.Argument(None, help="Settings, as in fit.epochs=5."),
    data: str = typer.Option(
        "",
        "--data",
        "-d",
        help="Folder, CSV, JSON lines or fetched corpus; none: the embedded corpus.",
    ),
    out: Path = typer.Option(None, "--out", "-o", help="Run folder; none: runs/<recipe>."),
    parent: Path = typer.Option(
        None,
        "--from",
        help="Fine-tune this bundle, by its own recipe at a tenth of its rate; speakers by RECIPE.",
    ),
    exports: list[str] = typer.Option(
        None,
        "--export",
        help="A form to make afterwards, tried before the first epoch, as in tflite-stream-int8.",
    ),
    labels: str = typer.Option("", "--labels", help="Train on these labels only, as in yes,no,go."),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda or cuda:N."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out."),
    skip_unreadable: bool = typer.Option(
        False, "--skip-unreadable", help="Leave out clips that cannot be read, naming them."
    ),
    rehearsal: bool = typer.Option(
        True, help="Try save, load, export and prediction before the first epoch."
    ),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the outcome as one JSON object."),
) -> None:
    """Train a recipe, evaluate it on the test split, and write bundle and report."""
    from sonant import runs

    # What has an equals sign is a setting, also where no recipe stands before it.
    words = [word for word in (recipe, *(overrides or [])) if word]
    named = words.pop(0) if words and "=" not in words[0] else None
    settings = [*words]
    if exports:
        settings.append(f"exports={dumps(exports)}")
    if labels:
        wanted = [word.strip() for word in labels.split(",") if word.strip()]
        settings.append(f"data.labels={dumps(wanted)}")
    with console.watching() as watch:
        outcome = runs.train(
            named,
            data or None,
            out=out,
            overrides=settings,
            parent=parent,
            columns=columns(
                path_column, label_column, speaker_column, split_column, start_column, end_column
            ),
            audio=audio,
            device=device,
            resume=resume,
            rehearsal=rehearsal,
            skip_unreadable=skip_unreadable,
            on_event=watch,
        )
    if outcome is None:
        return
    _print(outcome, as_json=json)
    if outcome.unreadable and not skip_unreadable:
        raise typer.Exit(1)  # they could be read when the run began


def _print(outcome: Outcome, *, as_json: bool) -> None:
    for message in outcome.unreadable:
        console.show(f"left out: {message}")
    if as_json:
        found = asdict(outcome)
        console.result_json(
            found
            | {
                name: str(found[name]) if found[name] else None
                for name in ("bundle", "folder", "report")
            }
        )
    else:
        rows = [(name.replace("_", " "), value) for name, value in outcome.metrics.items()]
        console.table(("figure", "value"), rows)
        print(f"bundle  {outcome.bundle}")
        if outcome.report:
            print(f"report  {outcome.report}")
    task = Card.read(outcome.bundle, verify=False).task
    command, why = NEXT[task]
    console.next_step(command.format(bundle=outcome.bundle), why)
