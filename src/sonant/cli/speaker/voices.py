"""`sonant speaker`: enrol voices, compare them, name them, group them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from sonant.cli import console, verdicts
from sonant.cli.columns import AudioFolder, SpeakerColumn, columns
from sonant.cli.speaker.options import (
    AdversarialDetector,
    AdversarialPrior,
    AdversarialThreshold,
    Json,
    Model,
    SpoofDetector,
    SpoofPrior,
    SpoofThreshold,
    Store,
    points,
)
from sonant.errors import StoreError

if TYPE_CHECKING:
    from sonant.speakers.store import SpeakerStore


def enroll(
    name: str = typer.Argument(..., help="Whose voice it is."),
    files: list[Path] = typer.Argument(..., help="Recordings of that voice alone."),
    *,
    model: Model,
    store: Store = "",
    replace: bool = typer.Option(False, "--replace", help="Drop what is there of that name."),
    json: Json = False,
) -> None:
    """Keep a voice under a name, beside what is there; all of the files, or none."""
    from sonant.speakers.model import SpeakerModel

    speaker_model = SpeakerModel.load(model)
    with open_store(store, create=True) as kept:
        speaker = speaker_model.enroll(kept, name, files, replace=replace)
        where = kept.where
    if json:
        console.result_json({"store": where, **asdict(speaker)})
    else:
        print(f"{speaker.name}: {speaker.utterances} utterances in {where}")
    console.next_step(f"sonant speaker identify FILE{_options(model, store)}", "ask who speaks")


def verify(
    a: Path = typer.Argument(..., help="A recording of the person, which is trusted."),
    b: Path = typer.Argument(..., help="Another one, under test: detectors hear it alone."),
    *,
    model: Model,
    spoof_detector: SpoofDetector = None,
    spoof_prior: SpoofPrior = 0.5,
    spoof_threshold: SpoofThreshold = 0.5,
    adversarial_detector: AdversarialDetector = None,
    adversarial_prior: AdversarialPrior = 0.5,
    adversarial_threshold: AdversarialThreshold = 0.5,
    json: Json = False,
) -> None:
    """Say whether two recordings are of one person, and genuine; exits with 1 where it cannot be decided."""
    from sonant.countermeasures.guarded import GuardedModel

    guarded = GuardedModel.load(
        model,
        spoof_detector=spoof_detector,
        adversarial_detector=adversarial_detector,
        points=points((spoof_prior, spoof_threshold), (adversarial_prior, adversarial_threshold)),
    )
    found = guarded.verify(a, b)
    verdicts.show(found, card=guarded.model.card, as_json=json)
    if found.llr_same is None:
        console.next_step(*calibrating(model))
    elif uncalibrated := guarded.guards.uncalibrated:
        console.next_step(*_calibrating_detector(uncalibrated))
    else:
        console.next_step(f"sonant speaker enroll NAME {a} --model {model}", "remember a voice")
    if found.decision == "undecided":
        raise typer.Exit(1)


def identify(
    file: Path = typer.Argument(..., help="A recording."),
    *,
    model: Model,
    store: Store = "",
    top: int = typer.Option(5, "--top", min=1, help="How many of the nearest to show."),
    spoof_detector: SpoofDetector = None,
    spoof_prior: SpoofPrior = 0.5,
    spoof_threshold: SpoofThreshold = 0.5,
    adversarial_detector: AdversarialDetector = None,
    adversarial_prior: AdversarialPrior = 0.5,
    adversarial_threshold: AdversarialThreshold = 0.5,
    json: Json = False,
) -> None:
    """Say who of those enrolled speaks, or nobody known; exits with 1 where that cannot be decided."""
    from sonant.countermeasures.guarded import GuardedModel

    guarded = GuardedModel.load(
        model,
        spoof_detector=spoof_detector,
        adversarial_detector=adversarial_detector,
        points=points((spoof_prior, spoof_threshold), (adversarial_prior, adversarial_threshold)),
    )
    with open_store(store) as kept:
        found = guarded.identify(kept, file, top=top)
    verdicts.show(found, card=guarded.model.card, as_json=json)
    if guarded.model.deciding.calibration is None:
        console.next_step(*calibrating(model))
    elif uncalibrated := guarded.guards.uncalibrated:
        console.next_step(*_calibrating_detector(uncalibrated))
    elif found.decision in ("spoof", "adversarial"):
        console.next_step(f"sonant spoof inspect {file}", "look for the marks of a converted voice")
    else:
        console.next_step(
            f"sonant speaker enroll NAME {file}{_options(model, store)}", "remember this voice"
        )
    if found.decision == "undecided":
        raise typer.Exit(1)


def cluster(
    folder: str = typer.Argument(..., help="Folder, CSV or JSON lines."),
    *,
    model: Model,
    method: Literal["agglomerative", "spectral"] = typer.Option("agglomerative", "--method"),
    exactly: int = typer.Option(None, "--exactly", min=1, help="So many speakers."),
    least: int = typer.Option(1, "--least", min=1, help="No fewer speakers."),
    most: int = typer.Option(None, "--most", min=1, help="No more speakers."),
    smallest: int = typer.Option(
        1, "--smallest", min=1, help="Clips below which a cluster goes to its neighbour."
    ),
    plot: Path = typer.Option(None, "--plot", help="Write a picture of the voices, a PNG."),
    speaker_column: SpeakerColumn = "",
    audio: AudioFolder = None,
    json: Json = False,
) -> None:
    """Group a pile of recordings by who speaks; exits with 1 where a file could not be grouped."""
    from sonant.data import sources
    from sonant.speakers.model import SpeakerModel

    manifest = sources.load(
        folder, columns=columns("", "", speaker_column, "", "", ""), audio=audio
    )
    speaker_model = SpeakerModel.load(model)
    with console.watching() as watch:
        found = speaker_model.cluster(
            manifest.items,
            method=method,
            exactly=exactly,
            least=least,
            most=most,
            smallest=smallest,
            on_progress=watch.progress("listening"),
        )
    if plot:
        verdicts.draw(found, plot)
    verdicts.show_groups(found, as_json=json)
    for _, reason in found.left_out:
        console.show(f"left out: {reason}")
    if plot:
        console.next_step(f"open {plot}", "see which voices lie near each other")
    else:
        console.next_step(
            f"sonant speaker cluster {folder} --model {model} --plot voices.png", "see it"
        )
    if found.left_out:
        raise typer.Exit(1)


def list_speakers(store: Store = "", json: Json = False) -> None:
    """Show who is enrolled."""
    with open_store(store) as kept:
        speakers, where, digest = kept.speakers(), kept.where, kept.model_digest
    if json:
        rows = [asdict(one) for one in speakers]
        console.result_json({"store": where, "model_digest": digest, "speakers": rows})
    else:
        console.table(
            ("name", "utterances", "last enrolled"),
            [(one.name, one.utterances, one.enrolled) for one in speakers],
            title=where,
        )
    console.show(f"{len(speakers)} enrolled")
    console.next_step(f"sonant speaker forget NAME{_options(None, store)}", "remove one for good")


def forget(
    name: str = typer.Argument(..., help="Who shall not be known any more."),
    store: Store = "",
    json: Json = False,
) -> None:
    """Remove a speaker and every embedding of theirs, for good."""
    with open_store(store) as kept:
        count, where = kept.forget(name), kept.where
    if json:
        console.result_json({"store": where, "name": name, "utterances": count})
    else:
        print(f"{name}: {count} utterances removed from {where}")
    console.next_step(f"sonant speaker list{_options(None, store)}", "see who is left")


def open_store(place: str, *, create: bool = False) -> SpeakerStore:
    """The store of `--store`; raises `StoreError` where there is none, unless it is to be made."""
    from sonant.speakers.postgres import SCHEMES
    from sonant.speakers.store import SpeakerStore

    if place.startswith(SCHEMES):
        return SpeakerStore(place)
    path = Path(place) if place else Path.home() / ".local" / "share" / "sonant" / "speakers.sqlite"
    if create and not place:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: {error.strerror}; name a --store") from error
    return SpeakerStore(path, create=create)


def _options(model: Path | None, store: str) -> str:
    """The same options again, for the next command; a URL may hold a password, and is not repeated."""
    chosen = (("--model", model), ("--store", "URL" if "://" in store else store))
    return "".join(f" {option} {value}" for option, value in chosen if value)


def calibrating(model: Path) -> tuple[str, str]:
    """What to do about a bundle that is not calibrated, as `console.next_step` takes it."""
    return f"sonant speaker calibrate --model {model} --data DATA", "so that it can decide"


def _calibrating_detector(bundle: Path) -> tuple[str, str]:
    """The same about a detector."""
    return f"sonant spoof calibrate {bundle} --data DATA", "so that it may accuse"
