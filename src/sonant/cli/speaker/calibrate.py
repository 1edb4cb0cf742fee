"""`sonant speaker calibrate`: scores as probabilities, by trials with their truth."""

from __future__ import annotations

from pathlib import Path

import typer

from sonant.cli import console, pairs
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
from sonant.cli.speaker.options import Cohort, Json, Model, PerSpeaker, Rounds, Score, Seed, Split


def calibrate(
    *,
    model: Model,
    data: str = typer.Option("", "--data", "-d", help="Clips with speakers the model never heard."),
    split: Split = "validation",
    trials: Path = typer.Option(
        None, "--trials", help="A table of left, right and same, in place of trials drawn here."
    ),
    per_speaker: PerSpeaker = 20,
    two_sessions: bool = typer.Option(
        False, "--two-sessions", help="No pairs known to be of one session."
    ),
    save_trials: Path = typer.Option(None, "--save-trials", help="Write the trials here."),
    quality: str = typer.Option(
        "", "--quality", help="Measures to listen to as well, as in speech_s,snr_db."
    ),
    score: Score = None,
    cohort: Cohort = "",
    prior: float = typer.Option(0.5, "--prior", help="P(same speaker) to decide at."),
    cost_miss: float = typer.Option(1.0, "--cost-miss", help="Of not knowing somebody."),
    cost_false_accept: float = typer.Option(
        1.0, "--cost-false-accept", help="Of taking one for another."
    ),
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
    """Turn scores into probabilities by trials with their truth, and keep it as the bundle's next version."""
    from sonant.assessment import speakers
    from sonant.assessment import trials as asking
    from sonant.speakers import calibrating
    from sonant.speakers.model import SpeakerModel

    pairs.named(data, trials)
    point = pairs.point(prior, cost_miss=cost_miss, cost_false_accept=cost_false_accept)
    speaker_model = SpeakerModel.load(model, threads=1)
    asked = asking.Asked(
        data=data or None,
        split=split,
        table=trials,
        columns=columns(
            path_column, label_column, speaker_column, split_column, start_column, end_column
        ),
        audio=audio,
        per_speaker=per_speaker,
        different_per_same=1,
        two_sessions=two_sessions,
        seed=seed,
    )
    scoring = speakers.Scoring(kind=score, cohort=cohort or None)
    with console.watching() as watch:
        drawn = asking.find(asked, card=speaker_model.card, on_event=watch)
        if save_trials:
            console.show(f"trials: {drawn.trials.save(save_trials)}")
        found = calibrating.calibrate(
            speaker_model,
            drawn.trials,
            drawn.items,
            point=point,
            scorer=speakers.scorer_of(scoring, speaker_model, asked, drawn, on_event=watch),
            quality=[part.strip() for part in quality.split(",") if part.strip()],
            rounds=rounds,
            seed=seed,
            on_progress=watch.progress("listening"),
        )
    written = calibrating.keep(speaker_model.card, found)
    if json:
        console.result_json({"bundle": str(written), **found.to_dict()})
    else:
        console.table(("figure", "value"), calibrating.summary(found), title=str(written))
    for reason in found.left_out:
        console.show(f"left out: {reason}")
    if found.dropped:
        console.show(f"{found.dropped} trials of {len(drawn.trials)} fell with the clips left out")
    console.show(str(found.figures.sessions))
    console.next_step(f"sonant speaker verify A B --model {written}", "ask it")
