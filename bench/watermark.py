"""How well the watermark of `sonant convert` is found again, and how often where it is not.

    python bench/watermark.py FOLDER            # of recordings, 12 s and more for the first part

Prints, over real recordings: decibels of the speech over the mark, STOI with it, the share of marks found and
read after each treatment, and the highest score of pieces without a mark.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from pystoi import stoi

from sonant import audio, prediction
from sonant.audio import Clip
from sonant.conversion import watermark
from sonant.conversion.payload import Payload

SAYS = Payload.of("c0ffee")
RATE_HZ = 16_000
KEYS = ("sonant", "one", "two")
"""Of pieces without a mark: each key is another draw."""


def sixteen_bits(clip: Clip) -> Clip:
    """As a WAV holds it."""
    return Clip(audio.from_pcm16(audio.to_pcm16(clip.samples)), clip.rate_hz)


def coded(format: str, subtype: str, level: float | None = None) -> Callable[[Clip], Clip]:
    """Through a codec; `level` is libsndfile's, from 0, best, to 1, smallest."""

    def through(clip: Clip) -> Clip:
        target, options = io.BytesIO(), {} if level is None else {"compression_level": level}
        soundfile.write(
            target, clip.samples, clip.rate_hz, format=format, subtype=subtype, **options
        )
        RATES.setdefault((format, level), []).append(
            8 * len(target.getvalue()) / 1000 / clip.duration_s
        )
        return audio.read(target.getvalue())

    return through


RATES: dict[tuple[str, float | None], list[float]] = {}
TREATMENTS: dict[str, Callable[[Clip], Clip]] = {
    "16 bits": sixteen_bits,
    "20 dB quieter, 16 bits": lambda clip: sixteen_bits(
        Clip(clip.samples * np.float32(0.1), clip.rate_hz)
    ),
    "cut by 1.23 s": lambda clip: Clip(clip.samples[19_752:], clip.rate_hz),
    "8 kHz, 16 bits": lambda clip: sixteen_bits(audio.resample(clip, 8_000)),
    "44.1 kHz, 16 bits": lambda clip: sixteen_bits(audio.resample(clip, 44_100)),
    "MP3, best": coded("MP3", "MPEG_LAYER_III", 0.0),
    "MP3, default": coded("MP3", "MPEG_LAYER_III"),
    "MP3, small": coded("MP3", "MPEG_LAYER_III", 0.8),
    "Opus, better": coded("OGG", "OPUS", 0.5),
    "Opus, default": coded("OGG", "OPUS"),
    "Vorbis, better": coded("OGG", "VORBIS", 0.2),
    "Vorbis, default": coded("OGG", "VORBIS"),
}


def found_again(clips: list[Clip], seconds: float) -> None:
    """Print what is left of the mark in the first `seconds` of each clip."""
    size = round(seconds * RATE_HZ)
    heard = [Clip(clip.samples[4_000 : 4_000 + size], RATE_HZ) for clip in clips]
    marked = [sixteen_bits(watermark.embed(clip, SAYS)) for clip in heard]
    pairs = list(zip(heard, marked, strict=True))
    levels = [ratio_db(clip.samples, made.samples) for clip, made in pairs]
    heard_as = [stoi(clip.samples, made.samples, RATE_HZ) for clip, made in pairs]
    print(f"{seconds:g} s of {len(clips)} recordings: {np.mean(levels):.1f} dB over the mark")
    print(f"  STOI with it {np.mean(heard_as):.5f}, at least {np.min(heard_as):.5f}")
    for name, treat in TREATMENTS.items():
        RATES.clear()
        after = [watermark.find(treat(clip)) for clip in marked]
        rate = "".join(f", {np.mean(values):.0f} kbit/s" for values in RATES.values())
        share = np.mean([one.marked for one in after])
        read = np.mean([one.says == SAYS for one in after])
        scores = [one.score for one in after]
        print(
            f"  {name + rate:<28} found {share:4.0%}  read {read:4.0%}  "
            f"score {np.mean(scores):.1f}, at least {np.min(scores):.1f}"
        )


def ratio_db(clean: audio.Samples, marked: audio.Samples) -> float:
    """Decibels of a clip over what was added to it."""
    added = np.square(marked - clean, dtype=np.float64).sum()
    return 10 * math.log10(np.square(clean, dtype=np.float64).sum() / added)


def unmarked(clips: Iterator[Clip], *, most: int) -> None:
    """Print how high pieces of 4 s without a mark score."""
    scores: list[float] = []
    for clip in clips:
        for start in range(0, len(clip.samples) - 4 * RATE_HZ + 1, 4 * RATE_HZ):
            part = Clip(clip.samples[start : start + 4 * RATE_HZ], RATE_HZ)
            scores += [watermark.find(part, key=key).score for key in KEYS]
        if len(scores) >= most:
            break
    above = sum(score >= watermark.THRESHOLD for score in scores)
    print(
        f"{len(scores)} looks at 4 s without a mark: {above} at {watermark.THRESHOLD} or more, the "
        f"highest {max(scores):.2f}, 99 % below {np.quantile(scores, 0.99):.2f}"
    )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recordings", type=int, default=20)
    parser.add_argument("--looks", type=int, default=2000)
    asked = parser.parse_args()
    paths = [item.path for item in prediction.gather([asked.folder]).items]
    every = (audio.read(path, rate_hz=RATE_HZ) for path in paths)
    long = [clip for clip in every if clip.duration_s > 12.5][:: max(1, len(paths) // 100)]
    for seconds in (3.0, 6.0, 12.0):
        found_again(long[: asked.recordings], seconds)
    unmarked((audio.read(path, rate_hz=RATE_HZ) for path in paths), most=asked.looks)


if __name__ == "__main__":
    main()
