"""`sonant evaluate`: how good a bundle is on data with labels, or with speakers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from sonant.cli import console, speaker_evaluation
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
VOICES = "With a bundle of speakers"


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
    trials: Path = typer.Option(
        None,
        "--trials",
        help="A table of left, right and same, in place of trials drawn from the split.",
        rich_help_panel=VOICES,
    ),
    save_trials: Path = typer.Option(
        None,
        "--save-trials",
        help="Write the trials here; a page has them beside it anyway.",
        rich_help_panel=VOICES,
    ),
    per_speaker: int = typer.Option(
        20, "--per-speaker", min=1, help="Pairs drawn of each speaker.", rich_help_panel=VOICES
    ),
    different_per_same: int = typer.Option(
        5,
        "--different-per-same",
        min=1,
        help="Pairs of two speakers for each of these.",
        rich_help_panel=VOICES,
    ),
    score: Literal["cosine", "as-norm", "plda"] = typer.Option(
        None,
        "--score",
        help="How embeddings are compared; none: as the bundle does.",
        rich_help_panel=VOICES,
    ),
    cohort: str = typer.Option(
        "",
        "--cohort",
        help="Clips of other speakers for --score; none: the training split of the data.",
        rich_help_panel=VOICES,
    ),
    rounds: int = typer.Option(
        1000,
        "--rounds",
        min=1,
        help="Redrawn sets of speakers for the intervals.",
        rich_help_panel=VOICES,
    ),
    seed: int = typer.Option(
        0, "--seed", help="Another seed, other trials.", rich_help_panel=VOICES
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
    """Score a bundle: accuracy or equal error rate with its interval, parts, calibration, cost."""
    from sonant import assessment
    from sonant.assessment.trials import Asked

    table = columns(
        path_column, label_column, speaker_column, split_column, start_column, end_column
    )
    if assessment.task_of(bundle) == assessment.SPEAKERS:
        about_words = {"--labels": labels, "--unknown-as": unknown_as, "--stream": stream}
        speaker_evaluation.refuse(about_words, about="keywords")
        asked = Asked(
            data=data or None,
            split=split,
            table=trials,
            columns=table,
            audio=audio,
            per_speaker=per_speaker,
            different_per_same=different_per_same,
            seed=seed,
        )
        speaker_evaluation.run(
            bundle,
            asked,
            score=score,
            cohort=cohort,
            rounds=rounds,
            save_trials=save_trials,
            report=report,
            as_json=json,
            skip_unreadable=skip_unreadable,
        )
        return
    about_voices = {"--trials": trials, "--save-trials": save_trials, "--score": score}
    speaker_evaluation.refuse(about_voices, about="speakers")
    settings: dict[str, Any] = {
        "split": split,
        "labels": tuple(word.strip() for word in labels.split(",") if word.strip()),
        "unknown_as": unknown_as,
        "columns": table,
        "audio": audio,
        "write_to": report,
    }
    listening = _listening(stream, background, snr, long, false_alarms_per_hour)
    found = _words(bundle, data or None, settings, listening, as_json=json)
    if found.unreadable and not skip_unreadable:
        raise typer.Exit(1)


def _words(
    bundle: Path,
    data: str | None,
    settings: dict[str, Any],
    listening: Listening | None,
    *,
    as_json: bool,
) -> Report | StreamReport:
    """Evaluate a bundle of keywords, on clips or as a stream, and print what was found."""
    from sonant import detection
    from sonant.assessment import keywords
    from sonant.card import Card, find
    from sonant.cli import streams
    from sonant.tally import StreamReport

    found: Report | StreamReport
    with console.watching() as watch:
        if listening is None:
            card = Card.read(find(bundle))
            found = keywords.assess(card, data, on_event=watch, **settings)
        else:
            found = detection.assess_stream(
                bundle, data, listening=listening, on_event=watch, **settings
            )
    if isinstance(found, StreamReport):
        streams.show(found, bundle=bundle, as_json=as_json)
    else:
        _print(found, as_json=as_json)
    for message in found.unreadable:
        console.show(f"unreadable: {message}")
    report = settings["write_to"]
    if isinstance(found, StreamReport):
        streams.next_step(found, bundle=bundle, report=report)
    elif report:
        console.next_step(f"open {report}", "look at the confusions and listen to the worst clips")
    else:
        console.next_step(f"sonant evaluate {bundle} ... --report report.html", "see it on a page")
    return found


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
