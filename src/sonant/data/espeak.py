"""espeak-ng as a synthesiser: any word, more than eighty voices, in a process of its own.

espeak-ng is GPL-3.0-or-later. It comes with the optional extra `synth`, is no part of sonant, and is never
loaded into sonant's process: `espeak_worker.py` loads it in another, and sound comes back through a pipe.
The licence covers the program, not the sound that it makes.

Spoken words are kept by content. On systems that can fork, a word is the same to the bit whenever it is
spoken, and keeping only saves time; on others (Windows) espeak-ng's answer depends on what it said before,
and what is kept is what makes a corpus reproducible.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import queue
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np

from sonant import audio, whole_file
from sonant.audio import Clip
from sonant.data.espeak_process import EspeakProcess
from sonant.data.voices import Utterance
from sonant.errors import AudioError, ManifestError, MissingExtra

FORMAT: Final = 1
"""Goes up when the same request is meant to sound otherwise."""
AHEAD: Final = 512
"""So many words are spoken before anyone has asked for them, and no more, to bound the memory."""
WORDS_PER_MINUTE: Final = 160
SLOWEST, FASTEST = 80, 450

ACCENTS: Final = (
    "en-us",
    "en",
    "en-us-nyc",
    "en-gb-x-rp",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
)

# Not among them: whispers, and those that echo, buzz or clip so much that they are no voice.
VARIANTS: Final = tuple(
    """
    Alex,Andrea,Andy,Annie,AnxiousAndy,Denis,Diogo,Gene,Gene2,Henrique,Hugo,Mario,Michael,Mike,
    Mr serious,Nguyen,Reed,Storm,Tweaky,adam,aunty,belinda,benjamin,boris,caleb,croak,david,ed,
    edward,edward2,f1,f2,f3,f4,f5,fast,grandma,grandpa,gustave,ian,iven2,iven3,iven4,john,klatt,
    klatt2,klatt3,klatt4,klatt5,klatt6,linda,m1,m2,m3,m4,m5,m6,m7,m8,marcelo,max,michel,miguel,
    norbert,pablo,paul,quincy,rob,robert,sandro,shelby,steph,steph2,steph3,travis,victor
    """.replace("\n", "")
    .replace("    ", "")
    .split(",")
)
"""espeak-ng's voice variants, by the names of their files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Where the wheel keeps espeak-ng."""

    path: Path
    data: Path
    version: str
    """Of the wheel."""


def find() -> Library:
    """Look for the wheel that carries espeak-ng.

    Raises `MissingExtra` when it is not installed, `AudioError` when it holds no library for this system.
    """
    try:
        loader = importlib.import_module("espeakng_loader")
        path, data = Path(loader.get_library_path()), Path(loader.get_data_path())
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "espeakng-loader", extra="synth", purpose="speaking with espeak-ng"
        ) from error
    except RuntimeError as error:
        raise AudioError(f"espeakng-loader: {error}; install it anew") from error
    if not path.is_file():
        raise AudioError(
            f"espeakng-loader: brings no library for this system ({path} is not there)"
        )
    return Library(path=path, data=data, version=metadata.version("espeakng-loader"))


class Espeak:
    """The synthesiser; see the module for its licence and what can be expected to repeat."""

    name: Final = "espeak"
    timbres: Final = len(VARIANTS)
    licence: Final = (
        "Spoken by espeak-ng, which is GPL-3.0-or-later; its licence covers the program, "
        "not the sound that it makes."
    )

    def __init__(self, *, cache: Path, processes: int | None = None) -> None:
        """Look for the library and start it once, so that later nothing can be missing.

        `cache` is the folder of words already spoken. Raises `MissingExtra` or `AudioError`.
        """
        self._library = find()
        self._cache = cache
        self._processes = processes or os.cpu_count() or 1
        self._digest = hashlib.sha256(self._library.path.read_bytes()).hexdigest()
        with self._start() as process:
            version = process.version
        self.versions: Mapping[str, str] = {
            "espeak-ng": version,
            "espeakng-loader": self._library.version,
        }

    def _start(self) -> EspeakProcess:
        return EspeakProcess(self._library.path, self._library.data)

    def check(self, words: Sequence[str]) -> None:
        """Any word with a letter or a digit in it can be said."""
        mute = next((word for word in words if not any(map(str.isalnum, word))), None)
        if mute is not None:
            raise ManifestError(f"words: {mute!r} has nothing in it that can be said")

    def speak(self, utterances: Sequence[Utterance]) -> Generator[Clip, None, None]:
        """The sound of each utterance, in order.

        A vocal tract of another size is sound played at another rate, as which it is returned.
        Raises `AudioError` when the process dies, hangs or refuses.
        """
        idle: queue.SimpleQueue[EspeakProcess] = queue.SimpleQueue()
        with ExitStack() as stack:
            pool = ThreadPoolExecutor(self._processes)
            # Last in, first out: first nothing more is begun, then the processes are ended.
            for _ in range(self._processes):
                idle.put(stack.enter_context(self._start()))
            stack.callback(pool.shutdown, cancel_futures=True)
            for first in range(0, len(utterances), AHEAD):
                some = utterances[first : first + AHEAD]
                yield from pool.map(lambda utterance: self._say(utterance, idle), some)

    def _say(self, utterance: Utterance, idle: queue.SimpleQueue[EspeakProcess]) -> Clip:
        request = request_of(utterance)
        kept = self._cache / f"{self._key(request)}.wav"
        clip = _recall(kept)
        if clip is None:
            process = idle.get()
            try:
                clip = process.say(request)
            finally:
                idle.put(process)
            _keep(kept, clip)
        return Clip(clip.samples, round(clip.rate_hz * utterance.voice.tract))

    def _key(self, request: Mapping[str, str | int]) -> str:
        text = json.dumps([FORMAT, self._digest, request], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"{digest[:2]}/{digest[2:34]}"


def request_of(utterance: Utterance) -> dict[str, str | int]:
    """An utterance in espeak-ng's own terms."""
    voice = utterance.voice
    accent = ACCENTS[int(voice.accent * len(ACCENTS))]
    rate = round(WORDS_PER_MINUTE * voice.speed)
    return {
        "text": utterance.word.replace("_", " ").replace("-", " ") + utterance.ending,
        "voice": f"{accent}+{VARIANTS[voice.timbre % len(VARIANTS)]}",
        "pitch": round(30 + 40 * voice.height),
        "range": round(25 + 50 * voice.melody),
        "rate": int(np.clip(rate, SLOWEST, FASTEST)),
        "seed": utterance.seed,
    }


def _recall(path: Path) -> Clip | None:
    if not path.exists():
        return None
    try:
        return audio.read(path)
    except AudioError:
        # Damaged; it is only a copy of what can be made again.
        return None


def _keep(path: Path, clip: Clip) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file.beside(path) as scratch:
        audio.write(scratch, clip)
