"""Sound from mel spectrograms: our Griffin-Lim against librosa's, and a neural vocoder against both.

    python bench/vocoders.py FOLDER [--bundle VOCODER] [--clips 40] [--iterations 64] [--split test] [--json]

FOLDER holds recordings of speech; those of the split are taken that a training with the default seed holds
out. All work on the same mel spectrogram (80 filters, every 256 samples at 16 kHz) and the two Griffin-Lims
on the same magnitudes, one clip at a time on one thread, taking turns. Prints medians over the clips with
quartiles: seconds of work for a second of sound, by the clock and of the processor (a busy machine changes
the one and hardly the other), spectral convergence, STOI, and PESQ where it is installed (`pip install
pystoi pesq`; pesq needs a C compiler, and no package with wheels computes it to the letter). Where there is
a neural vocoder it is compared with both Griffin-Lims clip by clip. `pip install mkl_fft` makes ours faster.
"""

from __future__ import annotations

import os

# Before the libraries are loaded: all contenders have one thread.
os.environ.update(
    OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1"
)

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import librosa
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant import audio, card
from sonant.conversion.griffin_lim import griffin_lim
from sonant.conversion.transforms import fastest
from sonant.conversion.voice_mel import hann, log_mel, magnitudes_of
from sonant.data import segments
from sonant.data.preparation import DataConfig
from sonant.manifest import Manifest
from sonant.nn.voice_mel_config import VoiceMel

RATE_HZ = 16_000
CONFIG = VoiceMel()
LONGEST_S = 10.0
Floats = NDArray[np.float32]
Vocoder = Callable[[Floats, Floats, int], Floats]
"""Log mel [mels, frames], magnitudes [bins, frames], samples wanted -> samples."""


@dataclass(slots=True)
class Found:
    """What one contender came to, a value for each clip."""

    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **figures: float) -> None:
        """The figures of one clip."""
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def quartiles(self) -> dict[str, tuple[float, float, float]]:
        """Lower quartile, median, upper quartile of each."""
        return {
            name: tuple(float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))  # type: ignore[misc]
            for name, values in self.figures.items()
        }


def clips(folder: Path, *, count: int, split: str) -> Iterator[Floats]:
    """Recordings that a training never heard, in an order that says nothing."""
    config = DataConfig(split="speaker", shares=(90.0, 5.0, 5.0))
    manifest = segments.prepare(config, Manifest.load(folder), seed=0).where(split=split)
    for number in np.random.default_rng(0).permutation(len(manifest))[:count]:
        item = manifest.items[number]
        clip = audio.read(item.path, rate_hz=RATE_HZ)
        yield np.ascontiguousarray(clip.samples[: round(LONGEST_S * RATE_HZ)])


def ours(iterations: int) -> Vocoder:
    """Sonant's Griffin-Lim on given magnitudes."""

    def vocode(mel: Floats, magnitudes: Floats, samples: int) -> Floats:
        (found,) = griffin_lim(
            [magnitudes], hop_length=CONFIG.hop_length, lengths=[samples], iterations=iterations
        )
        return found

    return vocode


def theirs(iterations: int) -> Vocoder:
    """Librosa's on the same."""

    def vocode(mel: Floats, magnitudes: Floats, samples: int) -> Floats:
        found: Floats = librosa.griffinlim(
            magnitudes,
            n_iter=iterations,
            hop_length=CONFIG.hop_length,
            win_length=CONFIG.window_length,
            n_fft=CONFIG.window_length,
            length=samples,
            random_state=0,
        )
        return found

    return vocode


def from_mel(iterations: int) -> Vocoder:
    """Sonant's, with the magnitudes found as well."""

    def vocode(mel: Floats, magnitudes: Floats, samples: int) -> Floats:
        found = magnitudes_of(mel, CONFIG, rate_hz=RATE_HZ)
        return ours(iterations)(mel, found, samples)

    return vocode


def from_mel_theirs(iterations: int) -> Vocoder:
    """Librosa's, with its own magnitudes."""

    def vocode(mel: Floats, magnitudes: Floats, samples: int) -> Floats:
        found = librosa.feature.inverse.mel_to_stft(
            np.exp(mel), sr=RATE_HZ, n_fft=CONFIG.window_length, power=1.0,
            fmin=CONFIG.min_hz, fmax=CONFIG.max_hz,
        )  # fmt: skip
        return theirs(iterations)(mel, found.astype(np.float32), samples)

    return vocode


def neural(bundle: Path) -> Vocoder:
    """A vocoder's graph on one thread."""
    found = card.Card.read(card.find(bundle))
    graph = found.graphs["vocoder"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(found.file(graph.file)), options, providers=["CPUExecutionProvider"]
    )

    def vocode(mel: Floats, magnitudes: Floats, samples: int) -> Floats:
        (made,) = session.run([graph.output], {graph.input: mel[None]})
        sound: Floats = made[0, :samples]
        return sound

    return vocode


def convergence(real: Floats, made: Floats) -> float:
    """How far the magnitudes are apart, of what there is."""
    one, other = (
        np.abs(librosa.stft(x, n_fft=1024, hop_length=256, window=hann(1024))) for x in (real, made)
    )
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


def quality(real: Floats, made: Floats) -> dict[str, float]:
    """By the measures that are installed."""
    figures = {"convergence": convergence(real, made)}
    if importlib.util.find_spec("pystoi"):
        from pystoi import stoi

        figures["stoi"] = float(stoi(real, made, RATE_HZ))
    if importlib.util.find_spec("pesq"):
        from pesq import pesq

        figures["pesq"] = float(pesq(RATE_HZ, real, made, "wb"))
    return figures


def contenders(iterations: int, bundle: Path | None) -> dict[str, Vocoder]:
    """Who takes turns, by name."""
    found = {
        "librosa, real magnitudes": theirs(iterations),
        "sonant, real magnitudes": ours(iterations),
        "librosa from mel": from_mel_theirs(iterations),
        "sonant from mel": from_mel(iterations),
    }
    return found | ({"neural from mel": neural(bundle)} if bundle else {})


def main() -> None:
    """Run all on all clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--iterations", type=int, default=64)
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    runs = contenders(given.iterations, given.bundle)
    found = {name: Found() for name in runs}
    ratios = []
    for real in clips(given.folder, count=given.clips, split=given.split):
        mel = log_mel(real, CONFIG, rate_hz=RATE_HZ)
        spectra = librosa.stft(real, n_fft=1024, hop_length=256, window=hann(1024))
        magnitudes = np.abs(spectra).astype(np.float32)
        seconds = {}
        for name, vocode in runs.items():
            begun, worked = time.perf_counter(), time.process_time()
            made = vocode(mel, magnitudes, len(real))
            seconds[name], worked = time.perf_counter() - begun, time.process_time() - worked
            length_s = len(real) / RATE_HZ
            factors = {
                "real_time_factor": seconds[name] / length_s,
                "processor_factor": worked / length_s,
            }
            found[name].add(**factors, **quality(real, made))
        ratios.append(seconds["librosa, real magnitudes"] / seconds["sonant, real magnitudes"])
    report(found, ratios, as_json=given.json)


def better(found: dict[str, Found]) -> dict[str, dict[str, float]]:
    """Of the neural vocoder against each Griffin-Lim on the same mels, clip by clip, by each measure.

    The median difference, and the share of clips on which it is the better one.
    """
    neural, rows = found.get("neural from mel"), {}
    for rival in ("sonant from mel", "librosa from mel") if neural else ():
        for figure in ("stoi", "pesq"):
            ours, theirs = (
                np.array(one.figures.get(figure, [])) for one in (neural, found[rival]) if one
            )
            if ours.size:
                median, share = float(np.median(ours - theirs)), float(np.mean(ours > theirs))
                rows[f"{figure} over {rival}"] = {"median": median, "share_better": share}
    return rows


def report(found: dict[str, Found], ratios: list[float], *, as_json: bool) -> None:
    """Medians and quartiles."""
    speed = tuple(float(q) for q in np.quantile(ratios, (0.25, 0.5, 0.75)))
    if as_json:
        rows = {name: one.quartiles() for name, one in found.items()}
        print(
            json.dumps(
                {
                    "clips": len(ratios),
                    "transforms": fastest().name,
                    "speed_ratio": speed,
                    "contenders": rows,
                    "neural": better(found),
                },
                indent=2,
            )
        )
        return
    print(f"{len(ratios)} clips; Griffin-Lim: librosa / sonant ({fastest().name}), seconds: "
          f"{speed[1]:.2f} ({speed[0]:.2f} to {speed[2]:.2f})")  # fmt: skip
    for name, one in found.items():
        cells = (
            f"{figure} {middle:.4f} ({low:.4f}-{high:.4f})"
            for figure, (low, middle, high) in one.quartiles().items()
        )
        print(f"{name:26} {', '.join(cells)}")
    for name, row in better(found).items():
        print(
            f"neural, {name}: {row['median']:+.4f}, better on {row['share_better']:.0%} of the clips"
        )


if __name__ == "__main__":
    main()
