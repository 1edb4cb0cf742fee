"""From audio files on disk to the end of ten epochs: sonant beside the scripts people write.

    python bench/train.py DATA [--epochs 10] [--only tutorial|resnet18]

DATA is anything `sonant train --data` takes that has splits. Its clips are written once as WAV files
into train/, validation/ and test/ folders, which every contender then reads. Each runs in a process
of its own, one after the other, so that its peak memory is its own. The clock starts after the imports;
sonant's includes its rehearsal and starts with an empty cache.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sonant import audio
from sonant.data import sources, splits
from sonant.data.preparation import only
from sonant.manifest import Manifest

HERE = Path(__file__).parent / "peers"
EIGHT = "down,go,left,no,right,stop,up,yes"


@dataclass(frozen=True)
class Contender:
    """One way to train."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Race:
    """Contenders on the same words; the first is the peer, the last is sonant."""

    name: str
    words: str
    contenders: tuple[Contender, ...]


RACES = (
    Race(
        "tutorial",
        EIGHT,
        (
            Contender("Keras 3 + tf.data", ("keras_tutorial.py",)),
            Contender(
                "sonant, tutorial as described", ("sonant_recipe.py", "tutorial-simple-audio-plain")
            ),
        ),
    ),
    Race(
        "resnet18",
        "",
        (
            Contender("Dataset + DataLoader", ("plain_resnet18.py",)),
            Contender("sonant, commands35-resnet18", ("sonant_recipe.py", "commands35-resnet18")),
        ),
    ),
)


def write_wavs(manifest: Manifest, folder: Path) -> dict[str, int]:
    """The clips as `<split>/<label>/<number>.wav`; returns how many are in each split."""
    counts: dict[str, int] = {}
    for number, item in enumerate(manifest):
        place = folder / item.split / item.label
        place.mkdir(parents=True, exist_ok=True)
        clip = audio.read(item.path, rate_hz=16_000, start_s=item.start_s, end_s=item.end_s)
        audio.write(place / f"{item.speaker or 'x'}_nohash_{number}.wav", clip)
        counts[item.split] = counts.get(item.split, 0) + 1
    return counts


def run(contender: Contender, data: Path, epochs: int) -> dict[str, float]:
    """Seconds, accuracy and peak memory of a contender in a process of its own."""
    script, *more = contender.command
    command = [sys.executable, str(HERE / script), str(data), str(epochs), *more]
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+") as output:
        environment = {**os.environ, "SONANT_CACHE": cache}
        process = subprocess.Popen(command, stdout=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{contender.name} failed: {' '.join(command)}")
        output.seek(0)
        found: dict[str, float] = json.loads(output.read().strip().splitlines()[-1])
    return {**found, "peak_mb": _peak_mb(usage)}


def _peak_mb(usage: resource.struct_rusage) -> float:
    # Kilobytes on Linux, bytes on macOS.
    return usage.ru_maxrss / (1024 if sys.platform.startswith("linux") else 1024 * 1024)


def main() -> None:
    """Run the races and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only", choices=[race.name for race in RACES])
    options = parser.parse_args()
    for race in RACES:
        if options.only in (None, race.name):
            hold(race, options.data, options.epochs)


def hold(race: Race, data: str, epochs: int) -> None:
    """One race, printed."""
    manifest = splits.assign(sources.load(data), how="auto")
    words = tuple(race.words.split(",")) if race.words else trained_labels(manifest)
    with tempfile.TemporaryDirectory() as folder:
        counts = write_wavs(only(manifest, words), Path(folder))
        print(
            f"\n{race.name}: {counts}, {len(words)} labels, {epochs} epochs, {os.cpu_count()} cores"
        )
        peer = None
        for contender in race.contenders:
            found = run(contender, Path(folder), epochs)
            rate = counts["train"] * epochs / found["seconds"]
            peer = peer or rate
            print(
                f"{contender.name:32} {found['seconds']:7.1f} s {rate:7,.0f} clips/s  x{rate / peer:4.2f}"
                f"  accuracy {found['accuracy']:.2%}  peak {found['peak_mb']:,.0f} MB",
                flush=True,
            )


def trained_labels(manifest: Manifest) -> tuple[str, ...]:
    """Labels with clips in all three splits, as a folder for each split needs them."""
    counts = manifest.counts()
    return tuple(
        label
        for label in manifest.labels
        if all(counts[label].get(split) for split in ("train", "validation", "test"))
    )


if __name__ == "__main__":
    main()
