"""What `sonant convert` does: many recordings into many voices, written, marked, measured and reported."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sonant.card import Card, find
from sonant.conversion import watermark
from sonant.conversion.converter import WINDOW_S, Converter
from sonant.conversion.nesting import holds, nest
from sonant.conversion.vocoders import GRIFFIN_LIM
from sonant.converting import copies, figures, hearing, ledger, report, work
from sonant.converting.hearing import Checked
from sonant.converting.judging import Judge
from sonant.converting.ledger import MANIFEST, Ledger, Row
from sonant.converting.plan import Pair, Plan, Voices, plan
from sonant.converting.work import How, Worker, files_of, path_of
from sonant.errors import AudioError, BundleError, Interrupted, ManifestError
from sonant.events import Note, OnEvent, Working, silent
from sonant.runtime.reading import usable_cores
from sonant.runtime.recogniser import Recogniser
from sonant.speakers.model import SpeakerModel

PLOTS: Final = 20
NAMED: Final = 10
"""Recordings of no use that one message names."""
WAV_BYTES, MEL_BYTES = 2, 4
"""Of a sample, and of a number of a spectrogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run converts, and how."""

    sources: tuple[Path, ...]
    targets: tuple[Path, ...]
    pairs: str = "all"
    voices: Voices = "file"
    seglen_s: float = WINDOW_S
    njobs: int | None = None
    """None for one a core."""
    seed: int = 0
    f0: bool = False
    key: str | None = watermark.KEY
    """Of the watermark; None for none."""
    speaker: Path | None = None
    """A speaker bundle that says whose voice is heard."""
    recogniser: Path | None = None
    """A keyword bundle that says which word is heard."""
    melody: bool = True
    """Whether the fundamental is measured."""
    skip_unreadable: bool = False
    plots: int = PLOTS
    """Conversions that are drawn."""
    mels: bool = True
    """Whether spectrograms are written as arrays."""
    copies: int = copies.MOST
    """Recordings that go through the vocoder and back, at most: what that alone does is in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a run would do: the answer to `--dry`."""

    conversions: int
    own: int
    """Pairs of a recording with itself, which are left out."""
    recordings: int
    seconds: float
    """Of speech that would be made."""
    bytes: int
    """That it would take."""
    skipped: tuple[str, ...]
    """Recordings that are of no use, and why."""
    first: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """What `sonant convert --dry --json` prints."""
        return {
            "conversions": self.conversions,
            "own": self.own,
            "recordings": self.recordings,
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
            "skipped": list(self.skipped),
            "first": [path_of(pair) for pair in self.first],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a run."""

    manifest: Path
    report: Path
    rows: tuple[Row, ...]
    """All that the folder holds of this plan."""
    made: int
    """By this run; the others were there."""
    skipped: tuple[str, ...]
    """Recordings that were of no use, and why."""

    def to_json(self) -> dict[str, Any]:
        """What `sonant convert --json` prints."""
        return {
            "manifest": str(self.manifest),
            "report": str(self.report),
            "conversions": len(self.rows),
            "made": self.made,
            "skipped": list(self.skipped),
            **figures.means(self.rows),
        }


def open_converter(
    bundle: Path, vocoder: str | None, *, nested: bool, seglen_s: float, on_event: OnEvent
) -> Converter:
    """The converter of a bundle; `nested` first writes its next version with the vocoder in it, unless it is.

    Raises `BundleError` where there is nothing to nest, or bundles do not fit each other.
    """
    if nested:
        if vocoder in (None, GRIFFIN_LIM):
            raise BundleError(
                "--nest puts a vocoder's bundle into the converter's: name it with --vocoder"
            )
        own, other = Card.read(find(bundle)), Card.read(find(Path(str(vocoder))))
        # A run that is taken up again says the same, and must not write another version.
        if not holds(own, other):
            bundle = nest(own, other)
            on_event(Note(f"written: {bundle}, with the vocoder in it"))
        vocoder = None
    # One thread in each graph: a result must not depend on how many jobs there are.
    return Converter.load(bundle, vocoder, window_s=seglen_s, threads=1)


def outlook(converter: Converter, wanted: Wanted, *, on_event: OnEvent = silent) -> Outlook:
    """What a run would do; nothing is written."""
    asked, found = _asked(converter, wanted, on_event)
    seconds = {one.path: one.seconds for one in found}
    spoken = sum(seconds[pair.source] for pair in asked.pairs)
    frames_hz = converter.rate_hz / converter.mel.hop_length
    mel_bytes = MEL_BYTES * converter.mel.mels * frames_hz if wanted.mels else 0.0
    return Outlook(
        conversions=len(asked.pairs),
        own=asked.own,
        recordings=len(found),
        seconds=spoken,
        bytes=round(spoken * (WAV_BYTES * converter.rate_hz + mel_bytes)),
        skipped=_objections(found),
        first=asked.pairs[:NAMED],
    )


def convert(converter: Converter, wanted: Wanted, *, out: Path, on_event: OnEvent = silent) -> Done:
    """Convert all pairs into `out`, going on where an earlier run of the same settings ended.

    Raises `ManifestError` for a plan that cannot be, recordings of no use (unless they are to be skipped) and
    a folder with other conversions in it, and `Interrupted` when it is stopped; what is done stays.
    """
    asked, found = _asked(converter, wanted, on_event)
    how = How(
        out=out,
        seed=wanted.seed,
        f0=wanted.f0,
        key=wanted.key,
        seglen_s=wanted.seglen_s,
        mels=wanted.mels,
    )
    judge = _judge(converter, wanted)
    with ledger.opened(out, how.settings(converter)) as book:
        left = [pair for pair in asked.pairs if not _is_there(book, pair)]
        worker = Worker(converter, how, judge=judge, book=book)
        drawn = {pair.name for pair in asked.pairs[: wanted.plots]}
        late = tuple(_work(worker, left, drawn, wanted, on_event))
        rows = tuple(book[path_of(p)] for p in asked.pairs if path_of(p) in book)
    made = len(left) - len(late)
    page = _report(converter, wanted, out, rows, judge=judge, on_event=on_event)
    return Done(
        manifest=out / MANIFEST,
        report=page,
        rows=rows,
        made=made,
        skipped=(*_objections(found), *late),
    )


def _asked(converter: Converter, wanted: Wanted, on_event: OnEvent) -> tuple[Plan, list[Checked]]:
    """The pairs whose recordings are all of use, and what came of opening them."""
    whole = plan(
        wanted.sources, wanted.targets, pairs=wanted.pairs, voices=wanted.voices, seed=wanted.seed
    )
    found = list(
        hearing.check(
            whole.files,
            rate_hz=converter.rate_hz,
            njobs=wanted.njobs or usable_cores(),
            on_progress=lambda done, total: on_event(
                Working(what="opening", done=done, total=total)
            ),
        )
    )
    useless = {one.path for one in found if one.objection}
    if useless and not wanted.skip_unreadable:
        listed = _objections(found)
        more = f"; and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
        raise ManifestError(
            f"{len(useless)} of {len(found)} recordings are of no use: {'; '.join(listed[:NAMED])}"
            f"{more}. Leave them out with --skip-unreadable"
        )
    pairs = tuple(kept for pair in whole.pairs if (kept := _without(pair, useless)))
    if not pairs:
        raise ManifestError(f"no pair is left: {'; '.join(_objections(found)[:NAMED])}")
    return Plan(pairs=pairs, own=whole.own), found


def _without(pair: Pair, useless: set[Path]) -> Pair | None:
    """A pair without recordings of no use; None where its source, or all of its voice, is among them."""
    files = tuple(path for path in pair.voice.files if path not in useless)
    if pair.source in useless or not files:
        return None
    return replace(pair, voice=replace(pair.voice, files=files))


def _objections(found: Sequence[Checked]) -> tuple[str, ...]:
    return tuple(one.objection for one in found if one.objection)


def _is_there(book: Ledger, pair: Pair) -> bool:
    """Whether a pair is done; raises `ManifestError` where its name stands for other recordings."""
    path = path_of(pair)
    if path not in book:
        return False
    row = book[path]
    if (row["source"], row["voice_files"]) != (str(pair.source), files_of(pair.voice)):
        raise ManifestError(
            f"{book.file}: {path} was made of {row['source']} and {row['voice_files']}, not of "
            f"{pair.source} and {files_of(pair.voice)}; choose another --out"
        )
    return True


def _judge(converter: Converter, wanted: Wanted) -> Judge:
    speaker, recogniser = wanted.speaker, wanted.recogniser
    return Judge(
        mel=converter.mel,
        speakers=SpeakerModel.load(speaker, threads=1) if speaker else None,
        recogniser=Recogniser.load(recogniser, threads=1) if recogniser else None,
        melody=wanted.melody,
    )


def _work(
    worker: Worker, left: Sequence[Pair], drawn: set[str], wanted: Wanted, on_event: OnEvent
) -> Iterator[str]:
    """Convert what is left; gives the recordings that have become of no use since they were opened."""
    jobs = (functools.partial(worker.convert, pair, draw=pair.name in drawn) for pair in left)
    results = work.side_by_side(jobs, njobs=wanted.njobs or usable_cores())
    done = 0
    try:
        # Closed before anything else goes on: the folder is not let go of while somebody writes.
        with contextlib.closing(results):
            for done, result in enumerate(results, start=1):
                if isinstance(result, AudioError) and wanted.skip_unreadable:
                    yield str(result)
                elif isinstance(result, Exception):
                    raise result
                on_event(Working(what="converting", done=done, total=len(left)))
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped after {done} of {len(left)} conversions; what is done stays, and the same "
            f"command goes on with the others"
        ) from None


def _report(
    converter: Converter,
    wanted: Wanted,
    out: Path,
    rows: Sequence[Row],
    *,
    judge: Judge,
    on_event: OnEvent,
) -> Path:
    sources = list(dict.fromkeys(Path(row["source"]) for row in rows))[: wanted.copies]
    copied = copies.copies(
        sources,
        converter=converter,
        judge=judge,
        seed=wanted.seed,
        on_progress=lambda done, total: on_event(
            Working(what="copy synthesis", done=done, total=total)
        ),
    )
    return report.write(out, rows, copied=list(copied), card=converter.card)
