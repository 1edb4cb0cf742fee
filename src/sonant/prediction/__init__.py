"""Labels for files, folders or the rows of tables, in order, streamed to a file or a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from sonant import whole_file
from sonant.errors import ManifestError, SonantError
from sonant.listing import columns as known_columns
from sonant.listing import tables
from sonant.listing.columns import Columns
from sonant.listing.folders import is_audio
from sonant.manifest import Item, Manifest
from sonant.prediction.rows import WRITERS, Format, Layout, Write
from sonant.prediction.submission import Submission
from sonant.runtime.recogniser import BATCH, TOP, Prediction, Recogniser

FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "table",
}
"""What the ending of an output file asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What came of predicting many clips."""

    rows: int
    """How many clips were asked about."""
    unreadable: tuple[Prediction, ...]
    """Those that could not be read, each with its path and error; an exit code of 1."""
    output: Path | None
    """The file written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The clips to predict, and the text their rows are named by."""

    items: tuple[Item, ...]
    names: tuple[str, ...]
    """As the person wrote them: the path given, or the cell of the table."""


def predict(
    bundle: Path | str,
    inputs: Sequence[Path | str],
    *,
    output: Path | str | IO[str] | None = None,
    format: Format | None = None,
    sample: Path | str | None = None,
    top: int = TOP,
    batch: int = BATCH,
    workers: int | None = None,
    audio_dir: Path | str | None = None,
    columns: Columns | None = None,
    on_prediction: Write | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Predict files, folders and the rows of tables, in order and in bounded memory.

    `output` is a file, which appears whole at the end or not at all, or an open stream; `format` is
    told by the file's ending when not given. With a `sample` submission its rows decide what is
    predicted, and `inputs` and `audio_dir` only say where the files are. A clip that cannot be read
    gets an empty row. Raises `ManifestError` for inputs and `SonantError` for an output that cannot
    be, before the first clip.
    """
    target = Path(output) if isinstance(output, Path | str) else None
    stream = None if isinstance(output, Path | str) else output
    form = _format(target, format, for_sample=sample is not None)
    if target:
        _check_target(target, [*inputs, *([sample] if sample else [])])
    submission = Submission.read(Path(sample)) if sample else None
    if submission:
        asked = _asked_by(submission, inputs, audio_dir)
    else:
        asked = gather(inputs, audio_dir=audio_dir, columns=columns)
    recogniser = Recogniser.load(bundle)
    unreadable = []
    with _opened(target, stream) as file:
        layout = Layout.of(asked.items, asked.names, labels=recogniser.labels, top=top)
        write = _filling(file, submission) if submission else WRITERS[form](file, layout)
        answers = recogniser.predict_many(asked.items, top=top, batch=batch, workers=workers)
        for done, (name, answer) in enumerate(zip(asked.names, answers, strict=True), start=1):
            prediction = replace(answer, path=name)
            write(prediction)
            if prediction.error:
                unreadable.append(prediction)
            if on_prediction:
                on_prediction(prediction)
            if on_progress and (done % batch == 0 or done == len(asked.items)):
                on_progress(done, len(asked.items))
    return Predicted(rows=len(asked.items), unreadable=tuple(unreadable), output=target)


def gather(
    inputs: Sequence[Path | str],
    *,
    audio_dir: Path | str | None = None,
    columns: Columns | None = None,
) -> Asked:
    """The clips meant by files, folders (all audio below them, sorted) and tables, in that order.

    Raises `ManifestError` when there is no such file, or a folder holds no audio.
    """
    if not inputs:
        raise ManifestError("nothing to predict: name audio files, folders or a CSV")
    home = Path(audio_dir) if audio_dir else None
    found = [_asked(Path(path), home, columns) for path in inputs]
    return Asked(
        items=tuple(item for part in found for item in part.items),
        names=tuple(name for part in found for name in part.names),
    )


def _asked(path: Path, audio_dir: Path | None, columns: Columns | None) -> Asked:
    if path.is_dir():
        return _files(_audio_below(path))
    if not path.exists():
        raise ManifestError(f"{path}: there is no such file or folder")
    if path.suffix.lower() not in tables.ENDINGS:
        return _files([path])
    table = tables.read(path)
    column = known_columns.find(table, columns or Columns()).path
    items = Manifest.load(path, columns=columns, audio=audio_dir).items
    return Asked(items=items, names=tuple(row.cells[column] for row in table.rows))


def _files(paths: Sequence[Path]) -> Asked:
    return Asked(items=tuple(Item(path=path) for path in paths), names=tuple(map(str, paths)))


def _asked_by(
    submission: Submission, inputs: Sequence[Path | str], audio_dir: Path | str | None
) -> Asked:
    """The rows of a sample submission; its files may lie where the inputs are."""
    given = [Path(path) for path in inputs]
    missing = next((path for path in given if not path.exists()), None)
    if missing:
        raise ManifestError(f"{missing}: there is no such file or folder")
    homes = [Path(audio_dir)] if audio_dir else []
    homes += [path if path.is_dir() else path.parent for path in given]
    return replace(_files(submission.audio(homes)), names=submission.names)


def _audio_below(folder: Path) -> list[Path]:
    """Every audio file under `folder` that is not hidden, sorted by its path."""
    found = []
    seen = set()
    for home, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(home)
        if real in seen:  # linked twice, or back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(home, name) for name in names if is_audio(name)]
    if not found:
        raise ManifestError(f"{folder}: holds no audio files (.wav, .flac, .mp3, .ogg...)")
    return sorted(found, key=lambda path: path.parts)


def _format(output: Path | None, asked: Format | None, *, for_sample: bool) -> Format:
    """What is written: as asked, else as the file's ending says; a submission is always CSV."""
    if for_sample and asked not in {"csv", None}:
        raise SonantError(f"--format {asked}: a sample submission is filled as CSV; leave it out")
    if for_sample or asked:
        return asked or "csv"
    if output is None:
        return "table"
    if output.suffix.lower() not in FORMATS:
        raise SonantError(
            f"{output}: the ending tells no format; use {', '.join(FORMATS)}, or give --format"
        )
    return FORMATS[output.suffix.lower()]


def _check_target(output: Path, sources: Sequence[Path | str]) -> None:
    """Refuse, before hours of work, a place that cannot be written or that holds a source."""
    if output.is_dir() or not output.parent.is_dir():
        what = "is a folder" if output.is_dir() else "lies in a folder that is not there"
        raise SonantError(f"{output}: {what}; name a file in an existing folder")
    if any(os.path.abspath(source) == os.path.abspath(output) for source in sources):
        raise SonantError(f"{output}: is an input as well; write to another file")


def _filling(file: IO[str], submission: Submission) -> Write:
    fill = submission.filler(file)
    return lambda prediction: fill(prediction.label or "")


@contextmanager
def _opened(output: Path | None, stream: IO[str] | None) -> Iterator[IO[str]]:
    """What rows are written to: a file that appears when all is done, a stream, or nothing."""
    if stream is not None:
        yield stream
    elif output is None:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            yield nowhere
    else:
        try:
            with (
                whole_file.beside(output) as scratch,
                scratch.open("w", encoding="utf-8", newline="") as file,
            ):
                yield file
        except BrokenPipeError:  # stdout's, from a callback: not about this file
            raise
        except OSError as error:
            raise SonantError(f"{output}: cannot be written ({error.strerror})") from error
