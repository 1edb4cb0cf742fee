"""The cases of a plan, attacked batch by batch, each written whole and judged by what was written."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import soundfile

from sonant import audio, ledger, whole_file
from sonant.attacking.cases import Case
from sonant.attacking.ears import Read
from sonant.attacking.judging import Judge
from sonant.attacking.methods import Attack
from sonant.attacking.quality import measure
from sonant.attacks.bounds import Bound
from sonant.audio import Samples
from sonant.errors import ManifestError
from sonant.ledger import Ledger, Row
from sonant.listing.spoof_labels import SPOOF
from sonant.manifest import Item

SETTINGS: Final = (
    "victim",
    "as",
    "goal",
    "method",
    "epsilon",
    "least_snr_db",
    "steps",
    "queries_allowed",
    "seed",
    "threshold",
    "defences",
    "adaptive",
    "detector",
)
"""Columns that are the same in all rows of a folder."""
MEASURED: Final = ("snr_db", "max_noise", "stoi", "pesq")
COLUMNS: Final = (
    "path",
    "label",
    "speaker",
    "source",
    "start_s",
    "end_s",
    "said",
    "claim",
    "claim_speaker",
    "answer",
    "away",
    *SETTINGS,
    "seconds",
    "score_before",
    "score_after",
    "unattacked",
    "success",
    "success_bare",
    *MEASURED,
    "queries",
    "took_s",
    "sha256",
)
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Attacks batches of cases and keeps what comes of them."""

    out: Path
    book: Ledger
    settings: Mapping[str, str]
    attack: Attack
    judge: Judge
    read: Read
    rate_hz: int
    bound: Bound

    def run(self, cases: Sequence[Case]) -> list[Row]:
        """Attack, write and measure some cases together; returns their rows."""
        sounds = [self.read(case.item) for case in cases]
        before = self.judge.margins(cases, sounds)
        began = time.monotonic()
        found = self.attack(cases, sounds)
        took_s = (time.monotonic() - began) / len(cases)
        # What is judged is what the bytes of the file give back; it is moved into its place with its row.
        pairs = zip(found.changed, sounds, strict=True)
        files = [_wav(one, clean, self.rate_hz, bound=self.bound) for one, clean in pairs]
        heard = [audio.read(file).samples for file in files]
        after, bare = self.judge.margins(cases, heard), self.judge.bare(cases, heard)
        rows: list[Row] = []
        for number, case in enumerate(cases):
            self._write(case, files[number])
            row = {
                **_about(case),
                **self.settings,
                "seconds": f"{len(sounds[number]) / self.rate_hz:.3f}",
                "score_before": f"{before[number]:.5f}",
                "score_after": f"{after[number]:.5f}",
                "unattacked": _yes(before[number] > 0),
                "success": _yes(after[number] > 0),
                "success_bare": _yes(bare[number] > 0),
                **_quality(sounds[number], heard[number], rate_hz=self.rate_hz),
                "queries": str(found.queries[number]),
                "took_s": f"{took_s:.3f}",
                "sha256": ledger.digest(self.out / case.path),
            }
            self.book.add(row)
            rows.append(row)
        return rows

    def _write(self, case: Case, file: bytes) -> None:
        path = self.out / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write_bytes(path, file)


@final
class Budget:
    """Minutes that a run may take; what is under way is ended."""

    def __init__(self, minutes: float | None) -> None:
        self._ends: Final = None if minutes is None else time.monotonic() + 60 * minutes

    @property
    def spent(self) -> bool:
        """Whether no other batch may begin."""
        return self._ends is not None and time.monotonic() >= self._ends


def left_of(book: Ledger, cases: Sequence[Case]) -> list[Case]:
    """The cases that have no row yet.

    Raises `ManifestError` where the row of one was made of other recordings.
    """
    left = []
    for case in cases:
        if case.path not in book:
            left.append(case)
            continue
        row, wanted = book[case.path], _about(case)
        if any(row[name] != wanted[name] for name in ("source", "claim", "answer", "start_s")):
            raise ManifestError(
                f"{book.file}: {case.path} was made of {row['source']} for {row['answer']}, not of "
                f"{wanted['source']} for {wanted['answer']}; choose another --out"
            )
    return left


def batches(cases: Sequence[Case], size: int) -> Iterator[Sequence[Case]]:
    """Some cases at a time, in their order."""
    for first in range(0, len(cases), size):
        yield cases[first : first + size]


def _wav(changed: Samples, clean: Samples, rate_hz: int, *, bound: Bound) -> bytes:
    """A file of 16 bits a sample, which rounding does not bring out of the bound."""
    pcm = audio.to_pcm16(changed)
    if bound.epsilon is not None:
        before, most = audio.to_pcm16(clean).astype(int), int(bound.epsilon * audio.PCM16_SCALE)
        pcm = np.clip(pcm, before - most, before + most).astype(np.int16)
    target = io.BytesIO()
    soundfile.write(target, pcm, rate_hz, format="WAV", subtype="PCM_16")
    return target.getvalue()


def _about(case: Case) -> dict[str, str]:
    item, claim = case.item, case.claim
    return {
        "path": case.path,
        "label": SPOOF,
        "speaker": item.speaker,
        "source": str(item.path),
        "start_s": _seconds(item.start_s),
        "end_s": _seconds(item.end_s),
        "said": item.label if item.label != item.speaker else "",
        "claim": _place(claim),
        "claim_speaker": claim.speaker if claim else "",
        "answer": case.answer,
        "away": _yes(case.away),
    }


def _place(item: Item | None) -> str:
    """A recording, and which part of it."""
    if item is None:
        return ""
    part = f"#t={_seconds(item.start_s)},{_seconds(item.end_s)}"
    return f"{item.path}{part if part != '#t=,' else ''}"


def _quality(clean: Samples, changed: Samples, *, rate_hz: int) -> dict[str, str]:
    found = asdict(measure(clean, changed, rate_hz=rate_hz))
    return {name: _number(found[name]) for name in MEASURED}


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.6g}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _yes(value: object) -> str:
    return YES if value else NO
