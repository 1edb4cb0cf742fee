"""Stages that make recordings anew one by one: through a vocoder and back, or by a loudspeaker in a room."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from sonant import audio, ledger
from sonant.audio import Clip
from sonant.card import Card
from sonant.conversion import loudness
from sonant.conversion.vocoders import GRIFFIN_LIM, GraphVocoder, GriffinLim, Vocoder, in_windows
from sonant.conversion.voice_mel import log_mel
from sonant.converting import hearing
from sonant.errors import Interrupted
from sonant.events import Working
from sonant.ledger import Ledger, Row
from sonant.listing.spoof_labels import BONAFIDE, SPOOF
from sonant.manifest import Item, Manifest
from sonant.nn.voice_mel_config import VoiceMel
from sonant.pipeline import forgeries
from sonant.pipeline.forgeries import Forgery
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Copying, Replaying
from sonant.spoofing import replaying

RATE_HZ: Final = 16_000
"""Of replays, and of copies by Griffin-Lim."""
COLUMNS: Final = (
    "path", "source", "speaker", "split", "label", "attack", "seconds", "vocoder", "seed", "sha256",
)  # fmt: skip

Make = Callable[[Clip, int], Clip]
"""A clip made anew, by a seed of its own."""


def counted(settings: Copying | Replaying) -> tuple[int, float]:
    """Clips that will be made at most."""
    kinds = 2 if isinstance(settings, Replaying) and settings.live else 1
    return settings.count * len(settings.splits) * kinds, 0.0


def copy(settings: Copying, bench: Bench) -> Made:
    """Take recordings through a vocoder and back; what is done stays when it is stopped."""
    vocoder = _vocoder(bench.perhaps("vocoder"))

    def make(clip: Clip, number: int) -> Clip:
        mel = log_mel(clip.samples, vocoder.mel, rate_hz=clip.rate_hz)
        samples = in_windows(vocoder, mel, samples=len(clip.samples), seed=settings.seed)
        return loudness.brought_to(Clip(samples, clip.rate_hz), loudness.level_db(clip))

    own = {"label": settings.label, "attack": forgeries.COPY}
    fixed = {"vocoder": vocoder.name, "seed": str(settings.seed)}
    rows = _made(settings, bench, {"": (make, own)}, fixed=fixed, rate_hz=vocoder.rate_hz)
    return _given(bench, rows, vocoder=settings.vocoder or GRIFFIN_LIM)


def replay(settings: Replaying, bench: Bench) -> Made:
    """Play recordings by loudspeakers in rooms, and let their speakers be heard there too."""
    ways: dict[str, tuple[Make, Row]] = {
        "-replayed": (_replayed, {"label": SPOOF, "attack": forgeries.REPLAY})
    }
    if settings.live:
        ways["-live"] = (_live, {"label": BONAFIDE, "attack": forgeries.LIVE})
    fixed = {"vocoder": "", "seed": str(settings.seed)}
    rows = _made(settings, bench, ways, fixed=fixed, rate_hz=RATE_HZ)
    return _given(bench, rows, vocoder="")


def _replayed(clip: Clip, seed: int) -> Clip:
    return replaying.replayed(clip, seed=seed)


def _live(clip: Clip, seed: int) -> Clip:
    return replaying.live(clip, seed=seed)


def _made(
    settings: Copying | Replaying,
    bench: Bench,
    ways: Mapping[str, tuple[Make, Row]],
    *,
    fixed: Row,
    rate_hz: int,
) -> Sequence[Row]:
    """Rows of all that is there in the end: of each clip one for each way to make it anew."""
    clips = Manifest.load(bench.one("data"))
    asked = list(_asked(settings, clips))
    with Ledger.opened(bench.folder, fixed, columns=COLUMNS, what=f"{bench.name}") as book:
        for number, item in enumerate(asked, start=1):
            for ending, (make, own) in ways.items():
                path = f"wav/{number:04d}-{item.path.stem}{ending}.wav"
                if path not in book:
                    row = {"path": path, "source": str(item.path), "speaker": item.speaker}
                    row |= {"split": item.split, **own, **fixed}
                    clip = hearing.read(item.path, rate_hz=rate_hz)
                    _write(bench.folder / path, clip, make, seed=settings.seed + number)
                    row["seconds"] = f"{clip.duration_s:.3f}"
                    book.add(row | {"sha256": ledger.digest(bench.folder / path)})
            bench.on_event(Working(what="copying", done=number, total=len(asked)))
        return book.rows


def _write(path: Path, clip: Clip, make: Make, *, seed: int) -> None:
    try:
        made = make(clip, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, made)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the copies that are done stay") from None


def _given(bench: Bench, rows: Sequence[Row], *, vocoder: str) -> Made:
    made = [
        Forgery(
            path=bench.folder / row["path"],
            speaker=row["speaker"],
            split=row["split"],
            attack=row["attack"],
            generator=bench.name,
            vocoder=vocoder,
            label=row["label"],
        )
        for row in rows
    ]
    seconds = sum(float(row["seconds"]) for row in rows)
    return forgeries.given(bench.folder, made, beside=bench.folder / "wav", seconds=seconds)


def _asked(settings: Copying | Replaying, clips: Manifest) -> Iterator[Item]:
    """So many of each split, drawn by the seed."""
    for split in settings.splits:
        items = list(clips.where(split=split).items)
        random.Random(f"{settings.seed}|{split}").shuffle(items)
        yield from items[: settings.count]


def _vocoder(bundle: Path | None) -> Vocoder:
    if bundle is None:
        return GriffinLim(VoiceMel(), rate_hz=RATE_HZ)
    return GraphVocoder(Card.read(bundle), threads=1)
