"""`sonant speaker fuse`: several speaker bundles as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
from sonant.cli.speaker.options import Json, PerSpeaker, Rounds, Seed, Split

if TYPE_CHECKING:
    from sonant.assessment.fusing import Fused


def fuse(
    bundles: list[Path] = typer.Argument(
        ..., help="Speaker bundles, or the run folders they are in."
    ),
    *,
    data: str = typer.Option("", "--data", "-d", help="Clips with speakers no bundle ever heard."),
    split: Split = "validation",
    trials: Path = typer.Option(
        None, "--trials", help="A table of left, right and same, in place of trials drawn here."
    ),
    per_speaker: PerSpeaker = 20,
    weights: str = typer.Option(
        "learned", "--weights", help="learned, equal, or one number a bundle, as in 0.6,0.4."
    ),
    name: str = typer.Option(
        "", "--name", help="What the bundle is called; none: after its parts."
    ),
    out: Path = typer.Option(Path("models"), "--out", "-o", help="The folder it goes to."),
    report: Path = typer.Option(None, "--report", help="Write a page that compares ways to fuse."),
    rounds: Rounds = 1000,
    seed: Seed = 0,
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: Json = False,
) -> None:
    """Make one bundle of several, whose cosine is the weighted mean of theirs, and compare ways to fuse."""
    from sonant.assessment import fusing
    from sonant.assessment.trials import Asked

    asked = Asked(
        data=data or None,
        split=split,
        table=trials,
        columns=columns(
            path_column, label_column, speaker_column, split_column, start_column, end_column
        ),
        audio=audio,
        per_speaker=per_speaker,
        seed=seed,
    )
    with console.watching() as watch:
        found = fusing.fuse(
            bundles,
            asked if data or trials else None,
            weights=weights,
            name=name,
            out=out,
            rounds=rounds,
            write_to=report,
            on_event=watch,
        )
    _show(found, as_json=json)
    for message in found.left_out:
        console.show(f"left out: {message}")
    console.next_step(
        f"sonant speaker calibrate --model {found.bundle} --data DATA", "so that it can decide"
    )


def _show(found: Fused, *, as_json: bool) -> None:
    compared = found.comparison
    if as_json:
        measured = None if compared is None else compared.to_json()
        console.result_json(
            {"bundle": str(found.bundle), "weights": dict(found.weights), "comparison": measured}
        )
        return
    console.table(
        ("part", "weight"),
        [(name, f"{weight:.4f}") for name, weight in found.weights.items()],
        title=str(found.bundle),
    )
    if compared is None:
        return
    from sonant.report.fusion import verdict
    from sonant.report.speakers import bounds, rate

    rows = [(row.name, row.figures.rates) for row in compared.rows]
    console.table(
        ("system", "EER", "95 % interval", "Cllr", "minCllr"),
        [
            (
                name,
                rate("eer", rates["eer"]),
                bounds("eer", rates["eer"]),
                rate("cllr", rates["cllr"]),
                rate("min_cllr", rates["min_cllr"]),
            )
            for name, rates in rows
        ],
    )
    console.show(verdict(compared))
