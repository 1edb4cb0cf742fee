"""The stage that converts voices, between people of a split."""

from __future__ import annotations

import random
from typing import Final

from sonant import converting
from sonant.conversion.converter import Converter
from sonant.conversion.vocoders import GRIFFIN_LIM
from sonant.converting import figures
from sonant.errors import ManifestError
from sonant.listing import tables
from sonant.manifest import Item, Manifest
from sonant.pipeline import forgeries
from sonant.pipeline.forgeries import Forgery
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Converting

PLOTS: Final = 6


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
        copies=settings.copies,
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
    return forgeries.given(
        bench.folder,
        made,
        beside=out / "wav",
        report=done.report,
        figures={n: v for n, v in figures.means(done.rows).items() if isinstance(v, float)},
        seconds=sum(float(row["seconds"]) for row in done.rows),
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
