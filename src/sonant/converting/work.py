"""The conversions of a plan, several at a time, each written whole before its row."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, final

import numpy as np

from sonant import whole_file
from sonant.audio import Clip
from sonant.conversion import mark
from sonant.conversion.converter import Converter
from sonant.conversion.mark import Origin
from sonant.conversion.vocoders import Mel
from sonant.conversion.voice_mel import log_mel
from sonant.converting import hearing, ledger
from sonant.converting.hearing import Kept
from sonant.converting.judging import Judge, Known, Scores
from sonant.converting.ledger import Ledger, Row
from sonant.converting.plan import Pair, Voice
from sonant.plots.mels import mels

WAV, MEL, PLOT = "wav", "mel", "plot"
"""Folders of the results."""
KEPT: Final = 64
"""Recordings that are remembered: a source meets its voices one after the other, a voice comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What conversions of one run share."""

    out: Path
    seed: int
    f0: bool
    key: str | None
    """Of the watermark; None for none."""
    seglen_s: float
    mels: bool
    """Whether spectrograms are written as arrays."""

    def settings(self, converter: Converter) -> dict[str, str]:
        """What a manifest says of every row alike."""
        return {
            "model": converter.digest,
            "vocoder": converter.vocoder.name,
            "seed": str(self.seed),
            "f0": _text(self.f0),
            "seglen_s": f"{self.seglen_s:g}",
            "watermark": _text(self.key is not None),
        }


def path_of(pair: Pair) -> str:
    """The result of a pair, relative to the folder of results."""
    return f"{WAV}/{pair.name}.wav"


@final
class Worker:
    """Converts one pair at a time, on any thread."""

    def __init__(self, converter: Converter, how: How, *, judge: Judge, book: Ledger) -> None:
        self._converter: Final = converter
        self._how: Final = how
        self._judge: Final = judge
        self._book: Final = book
        self._source: Final = Kept(self._known, most=KEPT)
        self._drawing: Final = threading.Lock()
        self._voice: Final = Kept(self._known_voice, most=KEPT)
        for folder in (WAV, PLOT, *([MEL] if how.mels else [])):
            (how.out / folder).mkdir(parents=True, exist_ok=True)

    def convert(self, pair: Pair, *, draw: bool) -> Row:
        """Convert, measure and write one pair; returns its row.

        Raises `AudioError` for a recording that is of no use, and `OSError` where nothing can be written.
        """
        source, target = self._source(pair.source), self._voice(pair.voice)
        made = self._converter.convert(
            source.clip, [target.clip], seed=self._how.seed, f0=self._how.f0, key=self._how.key
        )
        scores = self._judge.scores(
            made.clip, source=source, target=target, parallel=self._parallel(pair)
        )
        if self._how.mels:
            with whole_file.beside(self._how.out / MEL / f"{pair.name}.npy") as scratch:
                np.save(scratch, made.mel)
        if draw:
            self._draw(pair, source.clip, target.clip, made.mel)
        path = self._how.out / path_of(pair)
        mark.write(path, made.clip, self._origin(pair))
        row = self._row(pair, made.clip, made.mark_db, scores)
        self._book.add(row)
        return row

    def _known(self, path: Path) -> Known:
        return self._judge.known(hearing.read(path, rate_hz=self._converter.rate_hz))

    def _known_voice(self, voice: Voice) -> Known:
        rate_hz = self._converter.rate_hz
        clips = [hearing.read(path, rate_hz=rate_hz) for path in voice.files]
        return self._judge.known(self._converter.voice(clips))

    def _parallel(self, pair: Pair) -> Clip | None:
        """The same sentence as the target says it: beside its recordings, under the name of the source."""
        folders = dict.fromkeys(path.parent for path in pair.voice.files)
        for path in (folder / pair.source.name for folder in folders):
            if path != pair.source and path.is_file():
                return self._source(path).clip
        return None

    def _draw(self, pair: Pair, source: Clip, target: Clip, mel: Mel) -> None:
        settings, rate_hz = self._converter.mel, self._converter.rate_hz
        pictures = {
            f"source {pair.source.stem}": log_mel(source.samples, settings, rate_hz=rate_hz),
            "converted": mel,
            f"target {pair.voice.name}": log_mel(target.samples, settings, rate_hz=rate_hz),
        }
        with self._drawing:  # matplotlib keeps fonts and caches that threads must not share
            png = mels(pictures, hop_s=settings.hop_length / rate_hz)
        whole_file.write_bytes(self._how.out / PLOT / f"{pair.name}.png", png)

    def _origin(self, pair: Pair) -> Origin:
        return Origin(
            source=pair.source.stem,
            target=pair.voice.name,
            model=self._converter.digest,
            vocoder=self._converter.vocoder.name,
            seed=self._how.seed,
        )

    def _row(self, pair: Pair, clip: Clip, mark_db: float | None, scores: Scores) -> Row:
        path = path_of(pair)
        return {
            "path": path,
            "label": ledger.LABEL,
            "speaker": pair.voice.name,
            "source": str(pair.source),
            "voice_files": files_of(pair.voice),
            **self._how.settings(self._converter),
            "seconds": f"{clip.duration_s:.3f}",
            "mark_db": _text(mark_db),
            **{name: _text(scores.get(name)) for name in ledger.SCORES},
            "sha256": ledger.digest(self._how.out / path),
        }


def files_of(voice: Voice) -> str:
    """The recordings of a voice, as a row names them."""
    return ledger.SEPARATOR.join(map(str, voice.files))


def side_by_side(
    jobs: Iterable[Callable[[], Row]], *, njobs: int
) -> Generator[Row | Exception, None, None]:
    """Run jobs on `njobs` threads and give what each returns, or its error, as they end.

    No more than twice as many are under way. Whoever stops listening has those that run ended, whole, and the
    others left out.
    """
    pool = ThreadPoolExecutor(njobs, thread_name_prefix="convert")
    waiting = iter(jobs)
    running: set[Future[Row]] = set()
    try:
        while True:
            running |= {pool.submit(job) for job in islice(waiting, 2 * njobs - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                error = one.exception()
                if error is not None and not isinstance(error, Exception):
                    raise error
                yield error if error is not None else one.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _text(value: float | bool | str | None) -> str:
    """A value as a cell of a table."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
