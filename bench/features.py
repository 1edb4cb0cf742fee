"""Log-mel features on one core: sonant's front end against librosa, clip by clip and in batches.

    python bench/features.py DATA [--clips 2000] [--batch 64]

DATA is anything `sonant train --data` takes. All three compute 64 mels, 1,024-point frames every 512
samples, in decibels, of the same clips, already in memory; rounds are interleaved and the median counts.
Time is that of the processor, in one thread: what else the machine does at the moment counts for nobody.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from sonant.data import sources
from sonant.data.cache import decode_manifest
from sonant.manifest import Manifest
from sonant.nn.frontend import FrontEnd, LogMelConfig

RATE_HZ, FFT, HOP, MELS = 16_000, 1024, 512, 64
ROUNDS = 5


def clips_of(data: str, count: int) -> NDArray[np.float32]:
    """The first `count` clips, one second each, [clips, samples]."""
    manifest = sources.load(data)
    some = Manifest(items=manifest.items[:count], name=manifest.name)
    store = decode_manifest(some, rate_hz=RATE_HZ).store
    pcm = store.gather(np.arange(len(some)), RATE_HZ, pad="end", crop="start")
    return pcm.astype(np.float32) / 32768


def librosa_mel(clips: NDArray[np.float32]) -> NDArray[np.float32]:
    """librosa's mel spectrogram in decibels of one clip or a batch."""
    mel = librosa.feature.melspectrogram(
        y=clips, sr=RATE_HZ, n_fft=FFT, hop_length=HOP, n_mels=MELS
    )
    return np.asarray(librosa.power_to_db(mel))


def sonant_mel() -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The front end as training calls it."""
    config = LogMelConfig(
        window_length=FFT, hop_length=HOP, fft_length=FFT, mels=MELS, scale="slaney",
        norm="slaney", centre=True, pad="zeros", log="db", top_db=80.0,
    )  # fmt: skip
    front_end = FrontEnd(config, rate_hz=RATE_HZ).eval()

    @torch.no_grad()
    def run(clips: NDArray[np.float32]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = front_end(torch.from_numpy(clips)[:, None]).numpy()
        return features

    return run


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    size = options.batch
    torch.set_num_threads(1)
    clips, front_end = clips_of(options.data, options.clips), sonant_mel()
    batches = [clips[start : start + size] for start in range(0, len(clips), size)]
    ways: dict[str, Callable[[], object]] = {
        "librosa, clip by clip": lambda: [librosa_mel(clip) for clip in clips],
        f"librosa, batches of {size}": lambda: [librosa_mel(batch) for batch in batches],
        f"sonant, batches of {size}": lambda: [front_end(batch) for batch in batches],
    }
    # Clip by clip: in a batch, librosa cuts 80 dB below the loudest of all clips.
    apart = max(
        float(np.abs(ours - librosa_mel(clip)).max())
        for ours, clip in zip(front_end(batches[0]), batches[0], strict=True)
    )
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            times[name].append(seconds(work))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    own = medians[f"sonant, batches of {size}"]
    print(f"{len(clips)} clips of 1 s from {Path(options.data)}, one thread, median of {ROUNDS}")
    print(f"largest difference between sonant and librosa: {apart:.1e} dB")
    for name, taken in medians.items():
        print(
            f"{name:28} {len(clips) / taken:9,.0f} clips/s   sonant is {taken / own:5.1f} times as fast"
        )


if __name__ == "__main__":
    main()
