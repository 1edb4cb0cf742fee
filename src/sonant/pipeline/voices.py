"""Stages that make voices: conversions between people of a split, and copies through a vocoder."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sonant import audio, converting, ledger
from sonant.card import Card
from sonant.conversion import loudness
from sonant.conversion.converter import Converter
from sonant.conversion.vocoders import GRIFFIN_LIM, GraphVocoder, GriffinLim, Vocoder, in_windows
from sonant.conversion.voice_mel import log_mel
from sonant.converting import figures, hearing
from sonant.errors import Interrupted, ManifestError
from sonant.events import Working
from sonant.ledger import Ledger
from sonant.listing import tables
from sonant.manifest import Item, Manifest
from sonant.nn.voice_mel_config import VoiceMel
from sonant.pipeline import forgeries
from sonant.pipeline.forgeries import Forgery
from sonant.pipeline.making import Bench, Made, Sound
from sonant.pipeline.settings import Attacking, Converting, Copying

PLOTS: Final = 6
RATE_HZ: Final = 16_000
"""Of copies by Griffin-Lim."""
COLUMNS: Final = ("path", "source", "speaker", "split", "seconds", "vocoder", "seed", "sha256")


def counted(settings: Converting | Copying | Attacking) -> tuple[int, float]:
    """Clips that will be made at most."""
    return settings.count * len(settings.splits), 0.0


def convert(settings: Converting, bench: Bench) -> Made:
    """Say what people say in the voices of others of their split."""
    clips = Manifest.load(bench.one("data"))
    pairs = [pair for split in settings.splits for pair in _pairs(settings, clips, split)]
    table = tables.write(
        bench.folder / "pairs.csv",
        ("source", "target"),
        [{"source": str(one.path), "target": str(two.path)} for one, two in pairs],
    )
    vocoder = bench.perhaps("vocoder")
    converter = Converter.load(bench.one("converter"), vocoder or GRIFFIN_LIM, threads=1)
    wanted = converting.Wanted(
        sources=(),
        targets=(),
        pairs=str(table),
        seed=settings.seed,
        speaker=bench.perhaps("verifier"),
        melody=False,
        plots=PLOTS,
        mels=False,
        skip_unreadable=True,
    )
    out = bench.folder / "converted"
    done = converting.convert(converter, wanted, out=out, on_event=bench.on_event)
    whose = {str(item.path): item for item in clips}
    made = [
        Forgery(
            path=out / row["path"],
            speaker=whose[row["voice_files"]].speaker,
            split=whose[row["voice_files"]].split,
            attack=forgeries.CONVERSION,
            generator=bench.name,
            vocoder=settings.vocoder or GRIFFIN_LIM,
        )
        for row in done.rows
    ]
    told = {n: v for n, v in figures.means(done.rows).items() if isinstance(v, float)}
    seconds = sum(float(row["seconds"]) for row in done.rows)
    return _given(
        bench, made, beside=(out / "wav",), report=done.report, told=told, seconds=seconds
    )


def copy(settings: Copying, bench: Bench) -> Made:
    """Take recordings through a vocoder and back; what is done stays when it is stopped."""
    clips = Manifest.load(bench.one("data"))
    vocoder = _vocoder(bench.perhaps("vocoder"))
    asked = [item for split in settings.splits for item in _some(clips, split, settings)]
    fixed = {"vocoder": vocoder.name, "seed": str(settings.seed)}
    with Ledger.opened(bench.folder, fixed, columns=COLUMNS, what="copies") as book:
        for number, item in enumerate(asked, start=1):
            path = f"wav/{number:04d}-{item.path.stem}.wav"
            if path not in book:
                seconds = _copied(item, bench.folder / path, vocoder, seed=settings.seed)
                row = {"path": path, "source": str(item.path), "speaker": item.speaker}
                row |= {"split": item.split, "seconds": f"{seconds:.3f}", **fixed}
                book.add(row | {"sha256": ledger.digest(bench.folder / path)})
            bench.on_event(Working(what="copying", done=number, total=len(asked)))
        rows = book.rows
    made = [
        Forgery(
            path=bench.folder / row["path"],
            speaker=row["speaker"],
            split=row["split"],
            attack=forgeries.COPY,
            generator=bench.name,
            vocoder=settings.vocoder or GRIFFIN_LIM,
            label=settings.label,
        )
        for row in rows
    ]
    seconds = sum(float(row["seconds"]) for row in rows)
    return _given(
        bench, made, beside=(bench.folder / "wav",), report=None, told={}, seconds=seconds
    )


def _given(
    bench: Bench,
    made: Sequence[Forgery],
    *,
    beside: tuple[Path, ...],
    report: Path | None,
    told: dict[str, float],
    seconds: float,
) -> Made:
    shown = [one for one in made if one.split == "test"][:2]
    return Made(
        path=forgeries.write(bench.folder, made),
        beside=beside,
        report=report,
        figures=told,
        sounds=tuple(
            Sound(title=f"{one.attack}, as {one.speaker}", path=one.path, words=one.vocoder)
            for one in shown
        ),
        clips=len(made),
        seconds=seconds,
    )


def _pairs(settings: Converting, clips: Manifest, split: str) -> list[tuple[Item, Item]]:
    """Sources and targets of two speakers of a split, drawn by the seed, none twice."""
    items = clips.where(split=split).items
    if len({item.speaker for item in items}) < 2:
        raise ManifestError(f"{clips.name}: the split {split} has fewer than two speakers")
    draw = random.Random(f"{settings.seed}|{split}")
    found: dict[tuple[Item, Item], None] = {}
    # Where there are fewer pairs than asked for, the lot falls on each at last.
    for _ in range(20 * settings.count):
        one, two = draw.choice(items), draw.choice(items)
        if one.speaker != two.speaker:
            found[one, two] = None
        if len(found) == settings.count:
            break
    return list(found)


def _some(clips: Manifest, split: str, settings: Copying) -> list[Item]:
    items = list(clips.where(split=split).items)
    random.Random(f"{settings.seed}|{split}").shuffle(items)
    return items[: settings.count]


def _vocoder(bundle: Path | None) -> Vocoder:
    if bundle is None:
        return GriffinLim(VoiceMel(), rate_hz=RATE_HZ)
    return GraphVocoder(Card.read(bundle), threads=1)


def _copied(item: Item, path: Path, vocoder: Vocoder, *, seed: int) -> float:
    """Write the copy of a recording; returns its seconds."""
    try:
        clip = hearing.read(item.path, rate_hz=vocoder.rate_hz)
        mel = log_mel(clip.samples, vocoder.mel, rate_hz=clip.rate_hz)
        samples = in_windows(vocoder, mel, samples=len(clip.samples), seed=seed)
        made = loudness.brought_to(audio.Clip(samples, clip.rate_hz), loudness.level_db(clip))
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, made)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the copies that are done stay") from None
    return clip.duration_s
