"""The embedded corpus: words spoken by this machine itself, as real audio files, with no network.

OUT/<word>/<speaker>_nohash_<take>.wav   16-bit, all of one length, named as in Speech Commands
OUT/_background_noise_/*.wav             noises of other kinds, for augmentation and `_silence_`
OUT/manifest.csv                         file, label, speaker, split; no speaker is in two splits
OUT/corpus.json                          configuration, voices, synthesiser, versions, licence
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import numpy as np

import sonant
from sonant import audio
from sonant.audio import Clip, Samples
from sonant.data import scenes, voices
from sonant.data.cache import cache_folder
from sonant.data.espeak import Espeak
from sonant.data.formant import Formant
from sonant.data.synth_config import FORMAT, SynthConfig
from sonant.data.voices import Engine, Utterance
from sonant.draws import Draws
from sonant.errors import AudioError, ManifestError, MissingExtra
from sonant.listing import tables
from sonant.listing.names import BACKGROUND
from sonant.manifest import Manifest

__all__ = ["EngineName", "SynthConfig", "engine_named", "make"]

EngineName = Literal["auto", "espeak", "formant"]
OnProgress = Callable[[int, int], None]
OnNote = Callable[[str], None]

CARD: Final = "corpus.json"
HELD_OUT: Final = 0.1
"""Share of the speakers in validation, and as many again in test; at least one each."""
FULLEST, WISHED = 0.95, 0.85
"""A word may fill so much of the clip; a longer one is said again, fast enough to fill less."""
ATTEMPTS: Final = 4
BABBLERS, BABBLE_WORDS = 6, 64
NOISE_S, NOISE_DB = 12.0, -20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One clip to be made."""

    word: str
    speaker: str
    split: str
    take: int
    utterance: Utterance

    @property
    def file(self) -> str:
        return f"{self.word}/{self.speaker}_nohash_{self.take}.wav"


def engine_named(name: str) -> EngineName:
    """A synthesiser's name as it was typed. Raises `ManifestError` for any other."""
    if name not in get_args(EngineName):
        raise ManifestError(f"engine: {name!r} is unknown; want {', '.join(get_args(EngineName))}")
    return cast(EngineName, name)


def make(
    out: Path,
    config: SynthConfig,
    *,
    engine: EngineName = "auto",
    cache: Path | None = None,
    on_progress: OnProgress = lambda done, total: None,
    on_note: OnNote = lambda text: None,
) -> Manifest:
    """Make the corpus in the new folder `out`, whole or not at all; one that is there already is returned.

    `auto` takes espeak-ng, or the formant synthesiser where it cannot be had, and says so through
    `on_note`. `cache` is the folder in which what espeak-ng said is kept; none is sonant's own. Raises
    `ManifestError` for a folder that holds anything else and for words that cannot be said,
    `MissingExtra` or `AudioError` when espeak-ng was asked for and does not work.
    """
    out = Path(os.path.abspath(out))
    if _is_there(out, config, engine):
        return Manifest.load(out)
    speaker, note = _open(engine, (cache or cache_folder()) / "speech")
    if note:
        on_note(note)
    speaker.check(config.words)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            # One level down, for the temporary folder itself is closed to others.
            folder = Path(scratch) / out.name
            _fill(folder, config, speaker, note=note, on_progress=on_progress)
            if out.exists():
                out.rmdir()
            os.rename(folder, out)
    except OSError as error:
        raise ManifestError(f"{out}: cannot be made ({error})") from error
    return Manifest.load(out)


# -- what is there already -------------------------------------------------------------------------


def _is_there(out: Path, config: SynthConfig, engine: EngineName) -> bool:
    """Whether `out` holds this very corpus; refuses a folder that holds anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        card = json.loads((out / CARD).read_text(encoding="utf-8"))
        held = {"format": card["format"], "engine": card["engine"], **card["config"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{out}: is there and is no corpus that sonant made; choose a folder that does not exist"
        ) from error
    wanted = {"format": FORMAT, "engine": engine, **config.plain()}
    if engine == "auto":
        wanted["engine"] = held["engine"]
    other = [key for key in wanted if held.get(key) != wanted[key]]
    if other:
        changes = "; ".join(f"{key} is {held.get(key)}, not {wanted[key]}" for key in other)
        raise ManifestError(
            f"{out}: holds a corpus made otherwise ({changes}); remove it or choose another folder"
        )
    lost = next((item.path for item in Manifest.load(out) if not item.path.is_file()), None)
    if lost is not None:
        raise ManifestError(f"{lost}: is gone; remove {out} to have the corpus made again")
    return True


# -- who speaks ------------------------------------------------------------------------------------


def _open(engine: EngineName, cache: Path) -> tuple[Engine, str]:
    """The synthesiser, and why it is not the one that was hoped for."""
    if engine == "formant":
        return Formant(), ""
    try:
        return Espeak(cache=cache), ""
    except (MissingExtra, AudioError) as error:
        if engine == "espeak":
            raise
        return Formant(), f"{error}. Sonant's own formant synthesiser speaks the words instead."


def _lines(config: SynthConfig, engine: Engine) -> list[_Line]:
    """All clips, sorted by word, speaker and take."""
    people = voices.cast(config.speakers, timbres=engine.timbres, seed=config.seed)
    splits = _splits(config)
    lines = []
    for word in sorted(config.words):
        for number, voice in enumerate(people):
            for take in range(config.takes):
                rng = _rng(config, f"{word}/{number}/{take}/voice")
                lines.append(
                    _Line(
                        word=word,
                        speaker=_speaker(number),
                        split=splits[number],
                        take=take,
                        utterance=voices.take_of(voice, word, rng=rng),
                    )
                )
    return lines


def _speaker(number: int) -> str:
    return f"s{number:04d}"


def _splits(config: SynthConfig) -> list[str]:
    """The split of each speaker."""
    drawn = Draws(config.seed, 0, np.arange(config.speakers)).uniform("split")[:, 0]
    held_out = max(1, round(HELD_OUT * config.speakers))
    splits = ["train"] * config.speakers
    for place, number in enumerate(np.argsort(drawn, kind="stable")[: 2 * held_out]):
        splits[number] = "validation" if place < held_out else "test"
    return splits


def _rng(config: SynthConfig, what: str) -> np.random.Generator:
    """Random numbers for one thing, whatever else is made."""
    return np.random.default_rng([config.seed, zlib.crc32(what.encode())])


# -- the folder ------------------------------------------------------------------------------------


def _fill(
    folder: Path, config: SynthConfig, engine: Engine, *, note: str, on_progress: OnProgress
) -> None:
    for name in (*config.words, BACKGROUND):
        (folder / name).mkdir(parents=True)
    lines = _lines(config, engine)
    talk = _write_clips(folder, lines, config, engine, on_progress=on_progress)
    _write_noises(folder / BACKGROUND, talk, config)
    columns = ("file", "label", "speaker", "split")
    rows = [(line.file, line.word, line.speaker, line.split) for line in lines]
    tables.write(
        folder / "manifest.csv", columns, (dict(zip(columns, row, strict=True)) for row in rows)
    )
    card = {**_card(config, engine), "note": note, "clips": len(lines)}
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")


def _write_clips(
    folder: Path,
    lines: Sequence[_Line],
    config: SynthConfig,
    engine: Engine,
    *,
    on_progress: OnProgress,
) -> list[Samples]:
    """Write all clips; returns some of the words, for babble.

    Only of those who train: a voice of the test must not be heard in the noise of training.
    """
    training = [line for line in lines if line.split == "train"]
    babblers = {line.file for line in training[:: 1 + len(training) // BABBLE_WORDS]}
    talk = []
    with closing(_spoken(lines, config, engine)) as spoken:
        for done, (line, word) in enumerate(spoken, start=1):
            _write(folder / line.file, _heard(word, line, config), config)
            if line.file in babblers:
                talk.append(word)
            on_progress(done, len(lines))
    return talk


def _write_noises(folder: Path, talk: list[Samples], config: SynthConfig) -> None:
    for name, noise in _noises(talk, config).items():
        gain = min(10.0 ** (NOISE_DB / 20.0), scenes.PEAK / float(np.abs(noise).max()))
        _write(folder / f"{name}.wav", noise * np.float32(gain), config)


def _spoken(
    lines: Sequence[_Line], config: SynthConfig, engine: Engine
) -> Generator[tuple[_Line, Samples], None, None]:
    """Each line with its word at unit power; those that are too long for a clip are said again, faster."""
    waiting = [(line, line.utterance) for line in lines]
    for _ in range(ATTEMPTS):
        late = []
        with closing(engine.speak([utterance for _, utterance in waiting])) as clips:
            for (line, utterance), clip in zip(waiting, clips, strict=True):
                word = scenes.word_only(clip, rate_hz=config.rate_hz)
                if len(word) <= FULLEST * config.length:
                    yield line, word
                else:
                    factor = len(word) / (WISHED * config.length)
                    late.append((line, voices.hastened(utterance, factor)))
        if not late:
            return
        waiting = late
    raise ManifestError(
        f"duration_s: {waiting[0][0].word!r} does not fit into {config.duration_s:g} s, "
        "however fast it is said; want longer clips"
    )


def _heard(word: Samples, line: _Line, config: SynthConfig) -> Samples:
    return scenes.scene(
        word,
        config.length,
        rate_hz=config.rate_hz,
        shift=round(config.shift_s * config.rate_hz),
        snr_db=config.snr_db,
        level_db=config.level_db,
        echo_share=config.echo_share,
        rng=_rng(config, f"{line.file}/scene"),
    )


def _noises(talk: list[Samples], config: SynthConfig) -> Mapping[str, Samples]:
    length, rate_hz = round(NOISE_S * config.rate_hz), config.rate_hz
    rng = _rng(config, BACKGROUND)
    plain = {
        f"{name}_noise": scenes.coloured(length, fall=fall, rate_hz=rate_hz, rng=rng)
        for name, fall in scenes.FALLS.items()
    }
    return {
        **plain,
        "mains_hum": scenes.hum(length, mains_hz=50.0, rate_hz=rate_hz, rng=rng),
        "babble": scenes.babble(talk, length, voices=BABBLERS, rng=rng),
    }


def _write(path: Path, samples: Samples, config: SynthConfig) -> None:
    audio.write(path, Clip(samples, config.rate_hz))


def _card(config: SynthConfig, engine: Engine) -> dict[str, Any]:
    people = voices.cast(config.speakers, timbres=engine.timbres, seed=config.seed)
    splits = _splits(config)
    return {
        "format": FORMAT,
        "engine": engine.name,
        "versions": {"sonant": sonant.__version__, **engine.versions},
        "licence": engine.licence,
        "config": config.plain(),
        "speakers": {
            _speaker(number): {"split": splits[number], **asdict(voice)}
            for number, voice in enumerate(people)
        },
    }
