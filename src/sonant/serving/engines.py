"""A bundle for other people's servers: a model repository for Triton, with its config.pbtxt.

TensorFlow Serving takes the SavedModel that `sonant export` writes, as it is.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from sonant import whole_file
from sonant.card import Card, GraphSpec, find
from sonant.errors import ExportError

WHOLE: Final = "whole"
"""The graph of whole clips in a card."""
CONFIG: Final = "config.pbtxt"
LABELS: Final = "labels.txt"
MODEL: Final = "model.onnx"
MAX_BATCH_SIZE: Final = 32
_TO_ESCAPE: Final = re.compile(r'[\x00-\x1f\x7f"\\]')


def triton_config(card: Card, *, max_batch_size: int = MAX_BATCH_SIZE) -> str:
    """Triton's description of a bundle's graph of whole clips, for its onnxruntime backend.

    One row is float32 [samples] in, float32 [labels] out; the first axis is left to Triton's batching.
    Raises `ExportError` where the bundle has no such graph.
    """
    graph = _whole(card)
    labels = f"\n    label_filename: {_quoted(LABELS)}" if card.labels else ""
    return f"""\
# {_commented(card.name)}: {card.audio.rate_hz} Hz, clips of {card.audio.samples} samples
name: {_quoted(card.name)}
platform: "onnxruntime_onnx"
backend: "onnxruntime"
max_batch_size: {max_batch_size}
input [
  {{
    name: {_quoted(graph.input)}
    data_type: TYPE_FP32
    dims: [ {card.audio.samples} ]
  }}
]
output [
  {{
    name: {_quoted(graph.output)}
    data_type: TYPE_FP32
    dims: [ {len(card.labels)} ]{labels}
  }}
]
dynamic_batching {{ }}
"""


def lay_out_triton(bundle: Path, repository: Path, *, max_batch_size: int = MAX_BATCH_SIZE) -> Path:
    """Put a bundle into a Triton model repository: `<name>/config.pbtxt`, `<name>/<version>/model.onnx`.

    `bundle` is anything `sonant.card.find` takes. Versions of one model live side by side as long as one
    description fits them all. Returns the model's folder, which appears whole or not at all, as does a
    further version in it. Raises `ExportError` where the version is there already, or another model
    of that name, and `BundleError` for a damaged bundle.
    """
    card = Card.read(find(bundle))
    graph = card.file(_whole(card).file)
    texts = {CONFIG: triton_config(card, max_batch_size=max_batch_size), LABELS: _labels(card)}
    home = repository / card.name
    try:
        repository.mkdir(parents=True, exist_ok=True)
        if not home.exists():
            return _new_model(home, texts, graph, card.version)
        _same(home, texts)
        _new_version(home / str(card.version), graph)
    except OSError as error:
        raise ExportError(f"{home}: cannot be written ({error})") from error
    return home


def _new_model(home: Path, texts: dict[str, str], graph: Path, version: int) -> Path:
    scratch = Path(tempfile.mkdtemp(dir=home.parent, prefix=".writing-"))
    try:
        for name, text in texts.items():
            whole_file.write_text(scratch / name, text)
        _new_version(scratch / str(version), graph)
        scratch.chmod(0o755)
        return scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _new_version(folder: Path, graph: Path) -> None:
    """The graph in a folder of its own; Triton reads only folders that are numbers."""
    if folder.exists():
        raise ExportError(f"{folder}: is there already; a version is never rewritten")
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
    try:
        shutil.copyfile(graph, scratch / MODEL)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _same(home: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        file = home / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            raise ExportError(
                f"{file}: describes another model, or another size of batch; "
                f"take another repository, or remove {home}"
            )


def _whole(card: Card) -> GraphSpec:
    if WHOLE not in card.graphs:
        raise ExportError(f"{card.path}: has no graph of whole clips, and Triton wants one")
    return card.graphs[WHOLE]


def _labels(card: Card) -> str:
    """One line for each label, in the order of the answer."""
    for label in card.labels:
        if "\n" in label or "\r" in label:
            raise ExportError(f"{card.path}: the label {label!r} does not fit on one line")
    return "".join(f"{label}\n" for label in card.labels)


def _quoted(text: str) -> str:
    """A string of the text format."""
    return '"' + _TO_ESCAPE.sub(lambda found: f"\\{ord(found[0]):03o}", text) + '"'


def _commented(text: str) -> str:
    """Text that stays on the line of its comment."""
    return _TO_ESCAPE.sub(" ", text)
