"""Stages that bring speech: spoken by this machine, or chosen from recordings. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from sonant import audio
from sonant.audio import Clip
from sonant.data import sources, splits, synth
from sonant.data.preparation import DataConfig
from sonant.data.speaker_splits import prepare
from sonant.data.synth_config import SynthConfig
from sonant.errors import ManifestError
from sonant.events import Note, Working
from sonant.manifest import Item, Manifest
from sonant.pipeline.making import Bench, Made, Sound
from sonant.pipeline.settings import Clips, Corpus

TABLE: Final = "clips.csv"
EXAMPLES: Final = 2


def speak(settings: Corpus, bench: Bench) -> Made:
    """Make the corpus that sonant speaks itself."""
    folder = bench.folder / "corpus"
    config = _config(settings)
    clips = synth.make(
        folder,
        config,
        engine=settings.engine,
        on_progress=lambda done, total: bench.on_event(
            Working(what="speaking", done=done, total=total)
        ),
        on_note=lambda text: bench.on_event(Note(text)),
    )
    return Made(
        path=folder / "manifest.csv",
        beside=(folder,),
        figures=_counts(clips),
        sounds=_examples(clips),
        clips=len(clips),
        seconds=len(clips) * config.duration_s,
    )


def spoken(settings: Corpus) -> tuple[int, float]:
    """Clips and seconds that will be made."""
    count = len(settings.words) * settings.speakers * settings.takes
    return count, count * settings.duration_s


def choose(settings: Clips, bench: Bench) -> Made:
    """Choose recordings, cut them, and put whole speakers into splits; pieces are written as files."""
    given = _given(settings)
    chosen = _chosen(settings, given)
    # Without labels the shares are kept as they are asked for, also of few speakers.
    shared = splits.assign(chosen, how="stratified", shares=settings.shares, seed=settings.seed)
    written: list[Item] = []
    seconds = 0.0
    for number, item in enumerate(shared, start=1):
        for piece, length_s in _pieces(settings, item, bench.folder / "wav"):
            written.append(replace(piece, label=item.speaker))
            seconds += length_s
        bench.on_event(Working(what="cutting", done=number, total=len(shared)))
    if not written:
        raise ManifestError(
            f"{given.name}: no recording lasts {settings.segment_s:g} s; take a shorter segment_s"
        )
    if settings.per_speaker:
        written = _first(written, settings.per_speaker)
    clips = Manifest(items=tuple(written), name=bench.name, origin=shared.origin)
    table = clips.save(bench.folder / TABLE)
    pieces = bench.folder / "wav"
    return Made(
        path=table,
        beside=(pieces,) if pieces.is_dir() else (),
        figures=_counts(clips),
        sounds=_examples(clips),
        clips=len(clips),
        seconds=seconds,
    )


def source_of(settings: Clips) -> object:
    """The rows of the source, and the size of every file."""
    given = _given(settings)
    return [given.digest, [item.path.stat().st_size for item in given]]


def _config(settings: Corpus) -> SynthConfig:
    return SynthConfig(
        words=settings.words,
        speakers=settings.speakers,
        takes=settings.takes,
        duration_s=settings.duration_s,
        seed=settings.seed,
    )


def _given(settings: Clips) -> Manifest:
    """Every clip of the source, with its speaker."""
    if not settings.source:
        raise ManifestError("no recordings are named: give a folder or a table with --data")
    given = sources.load(settings.source)
    config = DataConfig(split="speaker")
    return prepare(config, given, seed=settings.seed)


def _chosen(settings: Clips, given: Manifest) -> Manifest:
    """The speakers with the most recordings, and no more of each than will be used."""
    by_name: dict[str, list[Item]] = {}
    for item in given:
        by_name.setdefault(item.speaker, []).append(replace(item, split="", label=""))
    names = sorted(by_name, key=lambda name: (-len(by_name[name]), name))
    kept = names[: settings.speakers or None]
    most = settings.per_speaker or None
    return given.with_items(item for name in kept for item in by_name[name][:most])


def _pieces(settings: Clips, item: Item, folder: Path) -> Iterator[tuple[Item, float]]:
    """A recording as whole files: itself, or its pieces; with the seconds of each."""
    whole = item.start_s is None and item.end_s is None
    clip = audio.read(item.path, start_s=item.start_s, end_s=item.end_s)
    if whole and not settings.segment_s:
        yield item, clip.duration_s
        return
    length = round((settings.segment_s or clip.duration_s) * clip.rate_hz)
    for number, start in enumerate(range(0, len(clip.samples) - length + 1, length)):
        path = folder / item.speaker / f"{item.path.stem}-{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        piece = Clip(clip.samples[start : start + length], clip.rate_hz)
        audio.write(path, piece)
        yield replace(item, path=path.absolute(), start_s=None, end_s=None), piece.duration_s


def _first(items: list[Item], count: int) -> list[Item]:
    """The first `count` of every speaker."""
    seen: dict[str, int] = {}
    kept = []
    for item in items:
        seen[item.speaker] = seen.get(item.speaker, 0) + 1
        if seen[item.speaker] <= count:
            kept.append(item)
    return kept


def _counts(clips: Manifest) -> dict[str, float]:
    speakers = {split: {i.speaker for i in clips.where(split=split)} for split in clips.splits}
    return {f"{split}_speakers": float(len(names)) for split, names in speakers.items()}


def _examples(clips: Manifest) -> tuple[Sound, ...]:
    some = clips.where(split="test").items[:EXAMPLES]
    return tuple(Sound(title=f"recording, speaker {one.speaker}", path=one.path) for one in some)
