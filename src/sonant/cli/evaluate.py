"""`sonant evaluate`: how good a bundle is on data with labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

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
from sonant.errors import RecipeError

if TYPE_CHECKING:
    from sonant.detection import Listening
    from sonant.scoring import Report
    from sonant.tally import StreamReport

STREAMS = "With --stream"


def evaluate(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    data: str = typer.Option(
        "",
        "--data",
        "-d",
        help="Folder, CSV, JSON lines or fetched corpus; none: the embedded corpus.",
    ),
    split: str = typer.Option("test", "--split", help="Which split; `all` takes everything."),
    labels: str = typer.Option("", "--labels", help="Evaluate on these labels only, as in yes,no."),
    unknown_as: str = typer.Option(
        None, "--unknown-as", help="Take labels the bundle does not know for this one."
    ),
    report: Path = typer.Option(None, "--report", help="Write the page here."),
    stream: bool = typer.Option(
        False, "--stream", help="As a stream, too: never reset, and events in long audio."
    ),
    background: Path = typer.Option(
        None, "--background", help="Noise to lay clips into.", rich_help_panel=STREAMS
    ),
    snr: str = typer.Option(
        "20,10,0", "--snr", help="Decibels of the clips over it.", rich_help_panel=STREAMS
    ),
    long: Path = typer.Option(
        None,
        "--long",
        help="Long recordings: a file, a folder, or a table of path, label, start and end.",
        rich_help_panel=STREAMS,
    ),
    false_alarms_per_hour: float = typer.Option(
        None,
        "--false-alarms-per-hour",
        min=0.0,
        help="Choose the threshold for it on the validation split, and store it.",
        rich_help_panel=STREAMS,
    ),
    skip_unreadable: bool = typer.Option(
        False, "--skip-unreadable", help="Exit with 0 although some clips cannot be read."
    ),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
) -> None:
    """Score a bundle: accuracy with its interval, per class, confusions, calibration, cost."""
    from sonant import assessment, detection
    from sonant.cli import streams
    from sonant.tally import StreamReport

    words = tuple(word.strip() for word in labels.split(",") if word.strip())
    listening = _listening(stream, background, snr, long, false_alarms_per_hour)
    with console.watching() as watch:
        settings: dict[str, Any] = {
            "split": split,
            "labels": words,
            "unknown_as": unknown_as,
            "columns": columns(
                path_column, label_column, speaker_column, split_column, start_column, end_column
            ),
            "audio": audio,
            "write_to": report,
            "on_event": watch,
        }
        found: Report | StreamReport
        if listening is None:
            found = assessment.assess(bundle, data or None, **settings)
        else:
            found = detection.assess_stream(bundle, data or None, listening=listening, **settings)
    if isinstance(found, StreamReport):
        streams.show(found, bundle=bundle, as_json=json)
    else:
        _print(found, as_json=json)
    for message in found.unreadable:
        console.show(f"unreadable: {message}")
    if isinstance(found, StreamReport):
        streams.next_step(found, bundle=bundle, report=report)
    elif report:
        console.next_step(f"open {report}", "look at the confusions and listen to the worst clips")
    else:
        console.next_step(f"sonant evaluate {bundle} ... --report report.html", "see it on a page")
    if found.unreadable and not skip_unreadable:
        raise typer.Exit(1)


def _listening(
    stream: bool, background: Path | None, snr: str, long: Path | None, per_hour: float | None
) -> Listening | None:
    """What --stream and its options ask for; None without it."""
    from sonant.detection import Listening

    given = {"--background": background, "--long": long, "--false-alarms-per-hour": per_hour}
    asked = [option for option, value in given.items() if value is not None]
    if not stream:
        if asked:
            raise RecipeError(f"{asked[0]}: is about streams; say --stream as well")
        return None
    try:
        levels = tuple(float(part) for part in snr.split(",") if part.strip())
    except ValueError:
        raise RecipeError(f"--snr {snr}: want decibels, as in 20,10,0") from None
    return Listening(background=background, snrs_db=levels, long=long, per_hour=per_hour)


def _print(found: Report, *, as_json: bool) -> None:
    if as_json:
        console.result_json(found.to_json())
        return
    low, high = found.accuracy_interval
    console.table(
        ("figure", "value"),
        [
            ("clips", f"{found.clips:,}"),
            ("accuracy", f"{found.accuracy:.2%}"),
            ("95 % interval", f"{low:.2%} to {high:.2%} ({found.interval_method})"),
            ("macro F1", f"{found.macro_f1:.4f}"),
            ("calibration error", f"{found.calibration_error:.4f}"),
            ("parameters", f"{found.parameters:,}"),
            ("MACs per second of audio", f"{found.macs_per_second:,.0f}"),
            ("bundle", f"{found.bundle_bytes / 1e6:.2f} MB"),
            ("graph, milliseconds per clip", f"{found.ms_per_clip:.3f}"),
        ],
    )
    console.table(
        ("label", "precision", "recall", "F1", "clips"),
        [(row.label, row.precision, row.recall, row.f1, row.clips) for row in found.per_class],
    )
    if found.top_confusions:
        console.table(("said", "heard", "clips"), found.top_confusions, title="top confusions")
