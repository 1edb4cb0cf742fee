"""What `sonant export` does: a bundle in another format, proved on real clips in that format's runtime."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant.bundle import load_classifier
from sonant.card import Card, find
from sonant.card.revision import revise
from sonant.data import sources
from sonant.events import Note, OnEvent, silent
from sonant.export.equalise import equalise
from sonant.export.esphome import WakeWord
from sonant.exporting.device import device
from sonant.exporting.form import Form
from sonant.exporting.forms import FORMS, ONE_HOP, Made
from sonant.exporting.material import PROVED, Material, material
from sonant.manifest import Manifest
from sonant.models.classifier import Classifier

FOLDER = "exports"
"""Of a bundle."""
GRAPH = f"graphs/{ONE_HOP}"
"""Where a bundle has its graph for one hop."""
ESPHOME = "esphome"
"""The name of the export for that device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came of an export."""

    bundle: Path
    """The next version of the bundle, which has it."""
    file: Path
    """The file, or for a SavedModel the folder."""
    name: str
    """Its name among the exports of the card."""
    report: dict[str, Any]
    """The proof."""


def export(
    bundle: Path | str,
    form: Form,
    *,
    data: Manifest | Path | str | None = None,
    out: Path | None = None,
    clips: int = PROVED,
    on_event: OnEvent = silent,
) -> Exported:
    """Write a bundle in another form, prove it, and keep it in a next version of the bundle.

    Without `data` it is proved on the few clips that the bundle carries, and calibrated on them.
    `out` also gets a copy. Raises `ExportError` where the form cannot be made or is too far from
    the model; nothing is kept then.
    """
    card = Card.read(find(Path(bundle)))
    manifest = None if data is None else sources.load(data, on_event=on_event)
    proof = material(card, manifest, clips=clips)
    on_event(Note(f"{form.name}: writing it, and proving it on {proof.origin}"))
    with tempfile.TemporaryDirectory(prefix="sonant-export-") as scratch:
        path = Path(scratch) / form.file
        made = Made(form=form, model=_model(card, form), path=path, material=proof)
        report = FORMS[form.format, form.mode](made)
        report |= {"bytes": _size(path), "proved_on": proof.origin}
        _write_accuracies(path, report)
        return _kept(card, form, path, report, name=form.name, out=out)


def try_out(names: Sequence[str], model: Classifier, clips: NDArray[np.float32]) -> None:
    """Make every form of `names` of a model that is not trained yet, and throw it away.

    `clips` is [clips, samples]. Raises `ExportError` for what cannot be made: better now than after
    hours of training.
    """
    proof = Material(clips=clips, targets=None, calibration=clips, origin="the rehearsal")
    for name in names:
        form = Form.named(name)
        with tempfile.TemporaryDirectory(prefix="sonant-rehearsal-") as scratch:
            path = Path(scratch) / form.file
            double = deepcopy(model).to("cpu").eval()
            made = Made(form=form, model=double, path=path, material=proof, strict=False)
            FORMS[form.format, form.mode](made)


def export_esphome(
    bundle: Path | str,
    word: WakeWord,
    *,
    data: Manifest | Path | str | None = None,
    out: Path | None = None,
    clips: int = PROVED,
    on_event: OnEvent = silent,
) -> Exported:
    """Write a wake word for ESPHome's micro_wake_word, prove it, and keep it as `export` does.

    The bundle has two labels, one of them background, and the micro front end, which the device
    brings itself.
    """
    card = Card.read(find(Path(bundle)))
    manifest = None if data is None else sources.load(data, on_event=on_event)
    proof = material(card, manifest, clips=clips)
    on_event(Note(f"{ESPHOME}: writing it, and proving it on {proof.origin}"))
    form = Form(format="tflite", mode="stream-internal", int8=True, front_end=False)
    with tempfile.TemporaryDirectory(prefix="sonant-export-") as scratch:
        path = Path(scratch) / f"{card.name}.tflite"
        made = Made(form=form, model=_model(card, form), path=path, material=proof)
        report = device(made, word, labels=card.labels)
        report |= {"bytes": _size(path), "proved_on": proof.origin}
        return _kept(card, form, path, report, name=ESPHOME, out=out)


def _model(card: Card, form: Form) -> Classifier:
    """As it is written: for 8 bits with channels of one size, which changes no answer."""
    model = load_classifier(card.path)
    return equalise(model) if form.int8 else model


def _kept(
    card: Card, form: Form, path: Path, report: dict[str, Any], *, name: str, out: Path | None
) -> Exported:
    """Put what lies beside `path` into a next version of the bundle, and copy it to `out`."""
    folder = f"{FOLDER}/{name}"
    files = {
        f"{folder}/{file.relative_to(path.parent).as_posix()}": file
        for file in sorted(path.parent.rglob("*"))
        if file.is_file()
    }
    entry = {
        "files": list(files),
        "format": form.format,
        "mode": form.mode,
        "int8": form.int8,
        "front_end": form.front_end,
        "report": report,
    }
    changes: dict[str, Any] = {"exports": {name: entry}}
    short = path.with_name(ONE_HOP)
    if short.exists() and "stream" in card.graphs and "step" not in card.graphs:
        # Of a bundle from before there were such graphs; its live streams are faster from now on.
        files[GRAPH] = short
        changes["graphs"] = {"step": _one_hop(card, report)}
    version = revise(card, files=files, changes=changes)
    if out is not None:
        shutil.copytree(version / folder, out, dirs_exist_ok=True)
    return Exported(bundle=version, file=version / folder / path.name, name=name, report=report)


def _one_hop(card: Card, report: dict[str, Any]) -> dict[str, Any]:
    """What the card says of the graph for one hop: what it says of the other, and its own proof."""
    stream = asdict(card.graphs["stream"])
    return stream | {"file": GRAPH, "max_difference": report["one_hop_max_difference"]}


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _write_accuracies(path: Path, report: dict[str, Any]) -> None:
    """One small file for each accuracy beside the model, as kws_streaming leaves them."""
    endings = {"accuracy": "", "accuracy_reset": "_reset1", "accuracy_never_reset": "_reset0"}
    for key, ending in endings.items():
        if report.get(key) is not None:
            name = f"{path.stem}_accuracy{ending}.txt"
            path.with_name(name).write_text(f"{100 * report[key]:.2f}\n")
