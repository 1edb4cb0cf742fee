"""`sonant spoof train`, `score` and `calibrate`: detectors of forged speech."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sonant.cli import console
from sonant.cli.columns import (
    AudioFolder,
    LabelColumn,
    PathColumn,
    SpeakerColumn,
    SplitColumn,
    columns,
)

if TYPE_CHECKING:
    from sonant.manifest import Manifest
    from sonant.spoofing.scoring import SpoofReport

DEFAULT = "spoof-lcnn"


def train(
    recipe: str = typer.Argument("", help=f"A shipped recipe or a TOML file; none: {DEFAULT}."),
    overrides: list[str] = typer.Argument(None, help="Settings, as in fit.epochs=5."),
    data: str = typer.Option(..., "--data", "-d", help="Folder, CSV or JSON lines with labels."),
    out: Path = typer.Option(None, "--out", "-o", help="Run folder; none: runs/<recipe>."),
    seeds: int = typer.Option(
        1, "--seeds", min=1, help="Train so many times from other beginnings, and give the spread."
    ),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda or cuda:N."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out."),
    skip_unreadable: bool = typer.Option(
        False, "--skip-unreadable", help="Leave out clips that cannot be read, naming them."
    ),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the outcome as one JSON object."),
) -> None:
    """Train a detector, chosen and calibrated on the validation split, and judge it on the test split."""
    from sonant import seeds as trainings

    words = [word for word in (recipe, *(overrides or [])) if word]
    named = words.pop(0) if words and "=" not in words[0] else DEFAULT
    with console.watching() as watch:
        found = trainings.train(
            named,
            data,
            count=seeds,
            out=out,
            overrides=words,
            columns=columns(path_column, label_column, speaker_column, split_column, "", ""),
            audio=audio,
            device=device,
            resume=resume,
            skip_unreadable=skip_unreadable,
            on_event=watch,
        )
    if found is None:
        return  # another process of the same training tells
    if json:
        console.result_json(found.to_json())
    else:
        rows = [
            (
                name.replace("_", " "),
                f"{spread.mean:.4f}",
                f"{spread.deviation:.4f}",
                *spread.values,
            )
            for name, spread in found.figures.items()
        ]
        console.table(("figure", "mean", "deviation", *(f"seed {s}" for s in found.seeds)), rows)
        print(f"bundle  {found.bundle}")
    console.next_step(f"sonant spoof score {found.bundle} --data CSV", "ask it about other clips")


def score(
    bundle: Path = typer.Argument(..., help="A spoofing bundle, or the run folder it is in."),
    clips: list[Path] = typer.Argument(None, help="Recordings to ask about."),
    data: str = typer.Option(
        "", "--data", "-d", help="A table or folder with labels to judge it on."
    ),
    split: str = typer.Option("all", "--split", help="Which split; `all` takes everything."),
    by: list[str] = typer.Option(
        None, "--by", help="A column to part forgeries by; none: attack, generator, vocoder, codec."
    ),
    prior: float = typer.Option(
        0.5, "--prior", help="Probability of a forgery before it is heard."
    ),
    report: Path = typer.Option(None, "--report", help="Write the page here."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Say of clips how likely they were forged, or judge the detector on clips with labels (--data)."""
    from dataclasses import asdict

    from sonant import page
    from sonant.data import sources
    from sonant.spoofing import conditions, scoring
    from sonant.spoofing.detector import Detector
    from sonant.spoofing.page import of_report

    if bool(clips) == bool(data):
        raise typer.BadParameter("give clips to ask about, or --data with labels: one of the two")
    detector = Detector.load(bundle)
    if clips:
        answers = {str(clip): asdict(detector.detect(clip, prior=prior)) for clip in clips}
        if json:
            console.result_json(answers)
        else:
            rows = [
                (n, f"{a['p_spoof']:.4f}", f"{a['llr_bonafide']:.3f}") for n, a in answers.items()
            ]
            console.table(
                ("clip", "p_spoof", "llr_bonafide"), rows, title=_meaning(detector.calibration)
            )
        return
    named = columns(path_column, label_column, speaker_column, split_column, "", "")
    manifest = sources.load(data, columns=named, audio=audio)
    known = conditions.read(data, manifest, columns=by or ())
    with console.watching() as watch:
        found = scoring.score(
            detector,
            _chosen(manifest, split),
            split=split,
            conditions=known,
            on_progress=watch.progress("scoring"),
        )
    if report is not None:
        page.write(report, of_report(found))
    if json:
        console.result_json(found.to_json())
    else:
        _show(found)
    for message in found.left_out:
        console.show(f"left out: {message}")
    if not found.calibrated:
        console.next_step(
            f"sonant spoof calibrate {bundle} --data CSV", "learn what its scores mean"
        )


def calibrate(
    bundle: Path = typer.Argument(..., help="A spoofing bundle, or the run folder it is in."),
    data: str = typer.Option(..., "--data", "-d", help="Clips with labels it was not trained on."),
    split: str = typer.Option("validation", "--split", help="Which split; `all` takes everything."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    audio: AudioFolder = None,
) -> None:
    """Learn what a detector's scores mean, and write the next version of the bundle, which knows it."""
    from sonant.data import sources
    from sonant.spoofing import calibrating
    from sonant.spoofing.detector import Detector

    detector = Detector.load(bundle)
    named = columns(path_column, label_column, speaker_column, split_column, "", "")
    manifest = _chosen(sources.load(data, columns=named, audio=audio), split)
    with console.watching() as watch:
        found = calibrating.calibrate(detector, manifest, on_progress=watch.progress("scoring"))
    path = calibrating.keep(detector.card, found, chosen_on=f"{manifest.name}, {split}")
    print(f"LLR = {found.slope:.4g} score {found.offset:+.4g}")
    print(f"bundle  {path}")
    console.next_step(f"sonant spoof score {path} CLIP.wav", "ask it about a recording")


def _chosen(manifest: Manifest, split: str) -> Manifest:
    from sonant.errors import ManifestError
    from sonant.listing.names import canonical_split

    if split == "all":
        return manifest
    found = manifest.where(split=canonical_split(split))
    if not found.items:
        raise ManifestError(
            f"{manifest.name}: has no clips in the split {split!r}; there: "
            f"{', '.join(manifest.splits) or 'no splits'}; or take them all with --split all"
        )
    return found


def _meaning(calibration: object) -> str:
    return "" if calibration is not None else "uncalibrated: scores order clips, no more"


def _show(found: SpoofReport) -> None:
    rows = []
    for part in (found.whole, *found.parts):
        rates = {
            name: (100 * rate.value, 100 * rate.low, 100 * rate.high)
            if name == "eer"
            else (rate.value, rate.low, rate.high)
            for name, rate in part.rates.items()
        }
        shown = [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in rates.values()]
        what = f"{part.column} {part.value}".strip() or "all"
        rows.append((what, part.bonafide, part.spoofs, *shown))
    names = ["EER, %" if name == "eer" else name for name in found.whole.rates]
    console.table(("forgeries", "bona fide", "forged", *names), rows, title=found.bundle)
