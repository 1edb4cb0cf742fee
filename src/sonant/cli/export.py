"""`sonant export`: a bundle as ONNX, TFLite or SavedModel, with a printed proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from sonant.cli import console

if TYPE_CHECKING:
    from sonant.exporting import Exported
    from sonant.exporting.form import Format, Mode

SHOWN = {
    "max_difference": "largest difference of a probability",
    "agreement": "same label as the float model",
    "clear_agreement": "same, where the float model is sure",
    "drift": "drift over long audio",
    "accuracy": "accuracy",
    "accuracy_reset": "accuracy, reset before each clip",
    "accuracy_never_reset": "accuracy, never reset",
    "bytes": "bytes",
    "state_bytes": "state, bytes",
    "arena_bytes": "arena, bytes (estimate)",
    "proved_on": "proved on",
}

WORDS = "keywords"
"""The task of bundles that can take other forms."""
TRITON = "triton"
"""The target that is a layout of files, and no other form of the model."""


def export(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    format: str = typer.Option("onnx", "--format", help="onnx, tflite or saved_model."),
    mode: str = typer.Option(
        "whole", "--mode", help="whole, stream (states outside) or stream-internal (inside)."
    ),
    int8: bool = typer.Option(False, "--int8", help="8-bit weights and values, calibrated."),
    features_outside: bool = typer.Option(
        False, "--features-outside", help="Without the front end: the target brings its own."
    ),
    target: str = typer.Option(
        "",
        "--target",
        help="esphome: an 8-bit wake word with its manifest, for micro_wake_word; "
        "triton: a model repository for Triton in --out.",
    ),
    wake_word: str = typer.Option("", "--wake-word", help="esphome: the words as people say them."),
    author: str = typer.Option("", "--author", help="esphome: who made it."),
    website: str = typer.Option("", "--website", help="esphome: where it is from."),
    language: str = typer.Option("en", "--language", help="esphome: languages, as in en,de."),
    cutoff: float = typer.Option(
        0.5, "--cutoff", min=0.0, max=1.0, help="esphome: mean probability that wakes it."
    ),
    data: str = typer.Option(
        "", "--data", "-d", help="Labelled clips to prove it on; none: those the bundle carries."
    ),
    clips: int = typer.Option(256, "--clips", min=2, help="How many of them at most."),
    out: Path = typer.Option(None, "--out", "-o", help="Copy the files to this folder too."),
    json: bool = typer.Option(False, "--json", help="Print the proof as one JSON object."),
) -> None:
    """Export a bundle and prove on real clips, in the format's own runtime, that it answers the same."""
    from sonant import exporting
    from sonant.export.esphome import WakeWord
    from sonant.exporting.form import Form

    if target == TRITON:
        _lay_out(bundle, out, as_json=json)
        return
    _require_words(bundle)
    if target:
        if target != exporting.ESPHOME:
            raise typer.BadParameter(
                f"{target!r} is no target; there are {exporting.ESPHOME} and {TRITON}"
            )
        word = WakeWord(
            wake_word=wake_word or bundle.name,
            author=author,
            website=website,
            trained_languages=tuple(part.strip() for part in language.split(",") if part.strip()),
            probability_cutoff=cutoff,
        )
        with console.watching() as watch:
            exported = exporting.export_esphome(
                bundle, word, data=data or None, out=out, clips=clips, on_event=watch
            )
        _print(exported, as_json=json)
        return
    form = Form(
        format=cast("Format", format),
        mode=cast("Mode", mode),
        int8=int8,
        front_end=not features_outside,
    )
    with console.watching() as watch:
        exported = exporting.export(
            bundle, form, data=data or None, out=out, clips=clips, on_event=watch
        )
    _print(exported, as_json=json)


def _require_words(bundle: Path) -> None:
    """Other forms there are of models of words alone; raises `ExportError` for others."""
    from sonant.card import Card, find
    from sonant.errors import ExportError

    card = Card.read(find(bundle), verify=False)
    if card.task != WORDS:
        files = ", ".join(graph.file for graph in card.graphs.values())
        raise ExportError(
            f"{card.path}: is of {card.task}, and other forms are made of models of words; as ONNX it is "
            f"in the bundle already: {files}"
        )


def _lay_out(bundle: Path, out: Path | None, *, as_json: bool) -> None:
    """The whole-clip graph as Triton's onnxruntime backend takes it."""
    from sonant.serving.engines import lay_out_triton

    if out is None:
        raise typer.BadParameter("say where Triton's model repository is", param_hint="--out")
    folder = lay_out_triton(bundle, out)
    if as_json:
        console.result_json({"folder": str(folder)})
    console.show(f"written: {folder}")
    console.next_step(f"tritonserver --model-repository {out}", "serve it with Triton")


def _print(exported: Exported, *, as_json: bool) -> None:
    if as_json:
        console.result_json(
            {
                "bundle": str(exported.bundle),
                "file": str(exported.file),
                "name": exported.name,
                "report": exported.report,
            }
        )
    else:
        rows = [
            (words, f"{value:.4g}" if isinstance(value, float) else str(value))
            for key, words in SHOWN.items()
            if (value := exported.report.get(key)) is not None
        ]
        console.table(("proof", "value"), rows, title=exported.name)
    console.show(f"written: {exported.file}")
    console.next_step(f"sonant describe {exported.bundle}", "all its forms side by side")
