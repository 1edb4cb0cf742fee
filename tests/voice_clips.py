"""Speech of a few made-up speakers, whom the bundle of `voice_bundle` knows by their level."""

from __future__ import annotations

from pathlib import Path

from sonant import audio
from sonant.audio import Clip
from sonant.data import synth
from sonant.manifest import Manifest

RATE_HZ = 16_000
WORDS = ("seven", "marvin", "follow")


def write_clips(folder: Path, *, speakers: int = 6) -> Manifest:
    """Three words twice by each speaker, one second a clip, each speaker louder than the one before."""
    config = synth.SynthConfig(speakers=speakers, takes=2, words=WORDS)
    manifest = synth.make(folder, config, engine="formant")
    for item in manifest:
        clip = audio.read(item.path)
        loudness = 0.1 + 0.15 * int(item.speaker.removeprefix("s"))
        audio.write(item.path, Clip(clip.samples * loudness, clip.rate_hz))
    return manifest


def of(manifest: Manifest, speaker: int, word: str = "seven", take: int = 0) -> Path:
    """One clip of a speaker."""
    return manifest.root / word / f"s{speaker:04d}_nohash_{take}.wav"
