"""How often the gate lets speech, noise and music through, each judged by a fit that has not heard it.

    python bench/speech_gate.py FOLDER [--write src/sonant/speakers/speech_weights.py] [--clips 600]

FOLDER holds one folder a set, each with a `manifest.csv` of `file,label,speaker`; sets that are not there are
left out. Rates are by cross-validation: no person, recording or tune is in both the fit and what is measured,
and bowed strings are in no fit. `--write` fits once more to all but those: these weights are in the package.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import speech_gate_sounds as sounds
from sonant import audio
from sonant.audio import Clip
from sonant.speakers import gates, speech
from sonant.speakers.gates import Gate, Weights

SPEECH = (
    "speech_commands", "librispeech_mini", "vctk_mini", "fsdd", "arabic_speech_commands",
    "wuw_corpus_ii",
)  # fmt: skip
NOISE = ("esc10", "noise_misc")
SILENCE = "_silence_"
"""The label of clips of background noise among words."""
PART_S = 10.0
"""Longer noise is several clips."""
SPOKEN_DB, SPOKEN_SHARE = 25.0, 0.35
"""A window of a speech clip is taken for speech when so much of it is within so much of the loudest."""
FOLDS, NEVER = 5, -1
MADE_UP = 160
"""Of each kind."""
EMPHASIS = {"speech_commands": 3.0, "music": 3.0, "esc10": 3.0, "noise_misc": 2.0}
"""Where errors are worse, or more frequent."""
STRENGTH = 0.3
"""Of the fit: the inverse of the penalty on squared weights."""
GROUPS = (
    ("cepstrum_mean", 12), ("cepstrum_spread", 12), ("cepstrum_change", 12), ("loudness", 5),
    ("pace", 4), ("voicing", 5), ("pitch_moves", 3), ("voicing_with_loudness", 1), ("pitch", 2),
    ("colour", 3),
)  # fmt: skip

Table = dict[int, NDArray[np.float64]]
"""Windows of each sound, [windows, features], by its identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One clip and what is known of it."""

    kind: str
    spoken: bool
    fold: int
    clip: Clip


def recordings(folder: Path, *, most: int) -> Iterator[Sound]:
    """What lies in the sets of `folder`, at most so many clips of each set of speech."""
    for name in (*SPEECH, *NOISE):
        manifest = folder / name / "manifest.csv"
        if not manifest.is_file():
            print(f"{name}: not there, left out")
            continue
        rows = list(csv.DictReader(manifest.open()))
        np.random.default_rng(0).shuffle(rows)  # type: ignore[arg-type]
        silent = [row for row in rows if row["label"] == SILENCE]
        spoken = [row for row in rows if row["label"] != SILENCE]
        for row in (*spoken[: most if name in SPEECH else None], *silent):
            noise = name in NOISE or row["label"] == SILENCE
            clip = audio.read(folder / name / row["file"])
            # People are kept apart, and so are noises: by recording.
            of = row.get("freesound_clip") or row["file"] if noise else row["speaker"]
            kind = f"{name} {row['label']}" if noise else name
            for part in _parts(clip) if noise else (clip,):
                yield Sound(kind=kind, spoken=not noise, fold=_fold(name + of), clip=part)


def made_up(count: int) -> Iterator[Sound]:
    """Music, hum and the rest; tunes of bowed strings belong to no fold."""
    known = tuple(name for name in sounds.INSTRUMENTS if name != "bowed")
    for number in range(count):
        draws = np.random.default_rng(number)
        kinds = {
            "music": sounds.music(draws, instruments=known),
            "music of one instrument": sounds.music(draws, instruments=(known[number % 3],)),
            "hum": sounds.hum(draws),
            "silence, noise, beeps": sounds.odd(draws),
        }
        if number % 4 == 0:
            kinds["bowed strings"] = sounds.music(draws, instruments=("bowed",))
        for kind, wave in kinds.items():
            clip = Clip(wave.astype(np.float32), sounds.RATE_HZ)
            fold = NEVER if kind == "bowed strings" else number % FOLDS
            yield Sound(kind=kind, spoken=False, fold=fold, clip=clip)


def _parts(clip: Clip) -> list[Clip]:
    size = int(PART_S * clip.rate_hz)
    starts = range(0, max(1, len(clip.samples) - clip.rate_hz), size)
    return [Clip(clip.samples[start : start + size], clip.rate_hz) for start in starts]


def _fold(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def described(sound: Sound) -> Iterator[NDArray[np.float64]]:
    """The windows of a clip, as the gate sees them; of speech those that are full of it."""
    frames = speech.analyse(audio.resample(sound.clip, speech.RATE_HZ).samples)
    power_db = 10 * np.log10(frames.power + speech.TINY)
    loud = power_db > np.percentile(power_db, 95) - SPOKEN_DB
    several = len(power_db) > gates.WINDOW
    for start, stop in gates.windows(len(power_db)):
        if not (sound.spoken and several and loud[start:stop].mean() < SPOKEN_SHARE):
            yield speech.describe(frames.part(start, stop))


def fit(table: Table, known: list[Sound]) -> Weights:
    """Logistic regression; every set weighs the same but for `EMPHASIS`, and speech as much as the rest."""
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([table[id(sound)] for sound in known])
    counts = [len(table[id(sound)]) for sound in known]
    truth = np.repeat([sound.spoken for sound in known], counts)
    names = np.repeat([_set(sound) for sound in known], counts)
    centre, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = np.clip((rows - centre) / spread, -gates.OUTLIER, gates.OUTLIER)
    weights = np.zeros(len(names))
    for name in set(names.tolist()):
        weights[names == name] = EMPHASIS.get(name, 1.0) / (names == name).sum()
    for side in (truth, ~truth):
        weights[side] *= len(names) / 2 / weights[side].sum()
    model = LogisticRegression(C=STRENGTH, max_iter=3000).fit(scaled, truth, sample_weight=weights)
    table_of = np.stack([centre, spread, model.coef_[0]])
    return Weights(table=table_of, offset=float(model.intercept_[0]))


def _set(sound: Sound) -> str:
    """What weighs together: a set of recordings, its silence, or a kind of made-up sound."""
    return sound.kind if sound.kind.endswith(SILENCE) else sound.kind.split(" ")[0]


def _module(weights: Weights) -> str:
    lines = [
        '"""What makes a second of sound speech: written by bench/speech_gate.py, not by hand."""', "",
        "from __future__ import annotations", "",
        "from functools import cache", "from typing import Final", "",
        "import numpy as np", "from numpy.typing import NDArray", "",
        f"OFFSET: Final = {weights.offset:.4f}", "# fmt: off",
        "FEATURES: Final[tuple[tuple[str, float, float, float], ...]] = (",
    ]  # fmt: skip
    names = [f"{group}_{number}" for group, size in GROUPS for number in range(1, size + 1)]
    rows = zip(names, *weights.table, strict=True)
    lines += ['    ("{}", {:.5g}, {:.5g}, {:.4f}),'.format(*row) for row in rows]
    return "\n".join([
        *lines, ")", "# fmt: on",
        '"""In the order of `speech.describe`: name, mean, standard deviation, weight."""', "", "",
        "@cache",
        "def table() -> NDArray[np.float64]:",
        '    """Means, standard deviations and weights, [3, features]."""',
        "    return np.array([row[1:] for row in FEATURES]).T", "",
    ])  # fmt: skip


def main() -> None:
    """Measure by cross-validation, and write what all together give where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--clips", type=int, default=600, help="of each set of speech")
    options = parser.parse_args()
    everything = [*recordings(options.folder, most=options.clips), *made_up(MADE_UP)]
    table = {id(sound): np.array(list(described(sound))) for sound in everything}
    fitting = [sound for sound in everything if sound.fold != NEVER and len(table[id(sound)])]
    told = defaultdict(list)
    for fold in range(FOLDS):
        weights = fit(table, [sound for sound in fitting if sound.fold != fold])
        for sound in everything:
            if sound.fold == fold or (sound.fold == NEVER and fold == 0):
                clip = sound.clip
                quality = gates.measure(clip.samples, clip.rate_hz, weights=weights)
                told[(not sound.spoken, sound.kind)].append(quality)
    if options.write:
        options.write.write_text(_module(fit(table, fitting)))
    print(f"{'':36}{'clips':>7}{'let through':>13}{'median speech s':>17}{'median SNR':>12}")
    for (_, kind), qualities in sorted(told.items()):
        through = np.mean([not Gate().objection(quality) for quality in qualities])
        seconds = np.median([quality.speech_s for quality in qualities])
        snr_db = np.median([quality.snr_db for quality in qualities])
        print(f"{kind:36}{len(qualities):>7}{through:>13.3f}{seconds:>17.2f}{snr_db:>12.1f}")


if __name__ == "__main__":
    main()
