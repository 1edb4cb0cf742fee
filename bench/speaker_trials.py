"""The trials that bench/speakers.py and bench/seed_heads.py ask of every system, and what answers are worth.

    python bench/speaker_trials.py TABLE DATA DATA ...

writes one table of several corpora, in the splits that each has by itself, to train on all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.audio import Samples
from sonant.data import sources, speaker_splits
from sonant.data.preparation import DataConfig
from sonant.manifest import Item, Manifest
from sonant.verification import fusion, intervals, norms, rates
from sonant.verification.calibration import Calibration
from sonant.verification.intervals import Interval
from sonant.verification.trials import TrialList

Rows = NDArray[np.float32]
Scores = NDArray[np.float64]
RATE_HZ = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Pairs of recordings of a split, and the recordings."""

    trials: TrialList
    items: tuple[Item, ...]
    """The clip of each of `trials.clips`."""

    @classmethod
    def draw(
        cls, manifest: Manifest, *, split: str, per_speaker: int, different_per_same: int
    ) -> Trials:
        """Pairs of the speakers of one split, none of whom stands in another."""
        trials = TrialList.make(
            manifest, split=split, per_speaker=per_speaker, different_per_same=different_per_same
        )
        return cls(trials=trials, items=trials.items(manifest))

    @property
    def speakers(self) -> tuple[list[str], list[str]]:
        """Who speaks on the left and on the right of each trial."""
        return ([t.left_speaker for t in self.trials], [t.right_speaker for t in self.trials])

    def cosines(self, rows: Rows) -> Scores:
        """What embeddings [clips, size] score, [trials]."""
        left, right = self.trials.numbers.T
        return norms.cosines(rows[left], rows[right])

    def normalised(self, rows: Rows, cohort: Rows, *, top: int) -> Scores:
        """The same by AS-norm against embeddings of a cohort, [cohort, size]."""
        found = norms.moments(norms.cosine_table(rows, cohort), top=top)
        left, right = (
            norms.Moments(mean=found.mean[side], deviation=found.deviation[side])
            for side in self.trials.numbers.T
        )
        return norms.normalise(self.cosines(rows), left=left, right=right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What the scores of a system are worth."""

    eer: Interval
    min_dcf: Interval
    """At a prior of 0.01."""
    against: Interval | None
    """Its equal error rate less that of another system; None for that one itself."""


def prepared(data: str) -> Manifest:
    """Clips in the splits that training gives them, whole speakers on one side."""
    return speaker_splits.prepare(DataConfig(), sources.load(data), seed=0)


def samples(item: Item) -> Samples:
    """A clip at 16 kHz in the 16 bits that files have."""
    clip = audio.read(item.path, start_s=item.start_s, end_s=item.end_s)
    sound = audio.resample(clip, RATE_HZ).samples * np.float32(item.gain)
    return audio.from_pcm16(audio.to_pcm16(sound))


def judge(
    scores: Mapping[str, Scores], asked: Trials, *, against: str, rounds: int
) -> dict[str, Worth]:
    """Rates of each system with intervals by redrawn speakers, and the difference from `against`."""
    same, speakers = asked.trials.same, asked.speakers
    bounds = partial(intervals.interval, same=same, speakers=speakers, rounds=rounds)
    apart = partial(intervals.difference, rates.eer, same=same, speakers=speakers, rounds=rounds)
    other = scores.get(against)
    return {
        name: Worth(
            eer=bounds(rates.eer, values),
            min_dcf=bounds(rates.min_dcf, values),
            against=None if other is None or name == against else apart(values, other),
        )
        for name, values in scores.items()
    }


def fused(
    fit_on: Mapping[str, Scores], same: NDArray[np.bool_], on: Mapping[str, Scores]
) -> dict[str, Scores]:
    """Every fusion of the systems' cosines, learned on trials of other speakers, by its name."""
    systems = tuple(fit_on)
    learned = fusion.Concatenation.fit(fit_on, same).weights
    maps = {name: Calibration.fit(values, same) for name, values in fit_on.items()}
    llrs = {name: maps[name].llr(values) for name, values in fit_on.items()}
    logistic = fusion.LogisticFusion.fit(llrs, same)
    shares = ", ".join(f"{learned[name]:.2f} {name}" for name in systems)
    return {
        "mean of normalised scores": fusion.MeanScore.fit(fit_on, same).fuse(on),
        "concatenated, alike": np.asarray(np.mean([on[name] for name in systems], axis=0)),
        f"concatenated, learned ({shares})": np.asarray(
            sum(learned[name] * on[name] for name in systems)
        ),
        "logistic fusion": logistic.llr({name: maps[name].llr(on[name]) for name in systems}),
    }


def percent(found: Interval) -> str:
    """A rate with its bounds, in per cent."""
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def together(folders: Sequence[str]) -> Manifest:
    """The clips of several corpora, each in the splits it has by itself, whole speakers on one side."""
    items = [item for folder in folders for item in prepared(folder)]
    return Manifest(items=tuple(items), name="together", origin="each by itself")


def main() -> None:
    """Write the table of a training on several corpora at once."""
    parser = argparse.ArgumentParser(description="Several corpora of speakers as one table.")
    parser.add_argument("table", type=Path, help="CSV to write")
    parser.add_argument("data", nargs="+", help="folders or tables of clips with speakers")
    options = parser.parse_args()
    found = together(options.data)
    found.save(options.table)
    counts = {split: found.where(split=split) for split in found.splits}
    for split, part in counts.items():
        print(f"{split}: {len(part)} clips of {len({item.speaker for item in part})} speakers")


if __name__ == "__main__":
    main()
