"""Options that several verbs of `sonant speaker` take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from sonant.countermeasures.guards import AlarmPoint, Kind

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
SpoofDetector: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--spoof-detector",
        envvar="SONANT_SPOOF_DETECTOR",
        metavar="BUNDLE",
        help="Ask it whether the clip under test is forged.",
    ),
]
SpoofPrior: TypeAlias = Annotated[
    float, typer.Option("--spoof-prior", help="P(forged), before anything is heard.")
]
SpoofThreshold: TypeAlias = Annotated[
    float, typer.Option("--spoof-threshold", help="P(forged) from which on it counts as forged.")
]
AdversarialDetector: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--adversarial-detector",
        envvar="SONANT_ADVERSARIAL_DETECTOR",
        metavar="BUNDLE",
        help="Ask one that was trained on attacks whether the clip under test is one.",
    ),
]
AdversarialPrior: TypeAlias = Annotated[
    float, typer.Option("--adversarial-prior", help="P(attacked), before anything is heard.")
]
AdversarialThreshold: TypeAlias = Annotated[
    float,
    typer.Option(
        "--adversarial-threshold", help="P(attacked) from which on it counts as an attack."
    ),
]


def points(spoof: tuple[float, float], adversarial: tuple[float, float]) -> dict[Kind, AlarmPoint]:
    """Prior and threshold of each detector; raises `typer.BadParameter` where one is no probability."""
    from sonant.countermeasures.guards import AlarmPoint

    asked: dict[Kind, tuple[float, float]] = {"spoof": spoof, "adversarial": adversarial}
    found: dict[Kind, AlarmPoint] = {}
    for kind, (prior, threshold) in asked.items():
        try:
            found[kind] = AlarmPoint(prior=prior, threshold=threshold)
        except ValueError as error:
            raise typer.BadParameter(
                f"--{kind}-prior and --{kind}-threshold are between 0 and 1"
            ) from error
    return found
