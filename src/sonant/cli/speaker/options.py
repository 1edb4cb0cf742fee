"""Options that several verbs of `sonant speaker` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Model: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--model",
        "-m",
        envvar="SONANT_SPEAKER_MODEL",
        metavar="BUNDLE",
        help="A speaker bundle, or the run folder it is in.",
    ),
]
Store: TypeAlias = Annotated[
    str,
    typer.Option(
        "--store",
        "-s",
        envvar="SONANT_SPEAKERS",
        metavar="FILE|URL",
        help="A file, or a postgresql:// URL; none: ~/.local/share/sonant/speakers.sqlite.",
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Split: TypeAlias = Annotated[
    str,
    typer.Option("--split", help="Which split of them, as in training; `all` takes everything."),
]
Score: TypeAlias = Annotated[
    Literal["cosine", "as-norm", "plda"] | None,
    typer.Option("--score", help="How embeddings are compared; none: as the bundle does."),
]
Cohort: TypeAlias = Annotated[
    str,
    typer.Option(
        "--cohort",
        help="Clips of other speakers for --score; none: the training split of the data.",
    ),
]
PerSpeaker: TypeAlias = Annotated[
    int, typer.Option("--per-speaker", min=1, help="Pairs drawn of each speaker.")
]
Rounds: TypeAlias = Annotated[
    int, typer.Option("--rounds", min=1, help="Redrawn sets of speakers for the intervals.")
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", help="Another seed, other trials.")]
