"""Same voice or not, and how fast: sonant's bundles, their fusion, and peers, on one list of trials.

    python bench/speakers.py DATA --bundle NAME=BUNDLE ... [--alone NAME=BUNDLE] [--peers FOLDER] [--json]

DATA is split as in training, whole speakers on one side; trials are drawn from the speakers of `test`, which
no bundle may have heard, and fusions are learned on those of `validation`. Equal error rates are of the
cosine, with bounds by redrawn speakers. For speed every contender is a process of its own with one thread on
the same core; they take turns on the same clips, in memory at 16 kHz, and what counts is processor time.
`same bits` says whether the clips of these turns gave the same embedding each time.

Peers are not among the extras: Resemblyzer asks for webrtcvad, which is no wheel, and SpeechBrain for a
torchaudio that fits torch. A folder beside everything else holds them (librosa is in the extra `bench`):

    pip install --no-deps --target FOLDER Resemblyzer webrtcvad-wheels speechbrain hyperpyyaml ruamel.yaml

Resemblyzer brings its weights. SpeechBrain's networks are untrained, as its weights lie elsewhere: only
their speed says anything, and they are left out of the table of errors.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import speaker_trials as trials
from speaker_contender import Running, Speed, Stopped
from speaker_trials import Scores, Trials, Worth

PEERS = {
    "Resemblyzer": ("resemblyzer", True),
    "Resemblyzer, no voice detector": ("resemblyzer-whole", True),
    "SpeechBrain ECAPA-1024": ("speechbrain-ecapa", False),
    "SpeechBrain x-vector": ("speechbrain-xvector", False),
}
"""How the worker calls them, and whether they come with weights."""
FUSED = "all of them, one after the other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The clips of all questions, in a folder of which every contender reads."""

    asked: Trials
    """Of speakers nobody has heard."""
    known: Trials
    """Of other such speakers, to learn fusions on."""
    cohort: int
    """Clips of the training, behind those of the trials."""
    folder: Path
    seconds: float
    """Of sound in a clip of the trials, on average."""

    @property
    def parts(self) -> tuple[range, range, range]:
        """The numbers of the clips of `asked`, of `known` and of the cohort."""
        begin = len(self.asked.items)
        end = begin + len(self.known.items)
        return range(begin), range(begin, end), range(end, end + self.cohort)


def gather(options: argparse.Namespace, folder: Path) -> Material:
    """Draw the trials and write their clips."""
    manifest = trials.prepared(options.data)
    wanted = {"per_speaker": options.per_speaker, "different_per_same": options.different_per_same}
    asked = Trials.draw(manifest, split="test", **wanted)
    others = trials.prepared(options.fit_on) if options.fit_on else manifest
    known = Trials.draw(others, split="validation", **wanted)
    heard = list(manifest.where(split="train"))
    some = np.random.default_rng(0).permutation(len(heard))[: options.cohort]
    cohort = [heard[number] for number in some]
    sounds = [trials.samples(item) for item in (*asked.items, *known.items, *cohort)]
    np.save(folder / "sound.npy", np.concatenate(sounds))
    np.save(folder / "ends.npy", np.cumsum([len(sound) for sound in sounds]))
    if options.save_trials:
        asked.trials.save(options.save_trials)
    lengths = [len(sound) for sound in sounds[: len(asked.items)]]
    return Material(
        asked=asked, known=known, cohort=len(cohort), folder=folder,
        seconds=float(np.mean(lengths)) / trials.RATE_HZ,
    )  # fmt: skip


def contenders(options: argparse.Namespace) -> dict[str, tuple[str, list[str], bool]]:
    """By title: how the worker calls it, the bundles it opens, whether its answers mean anything."""
    bundles = dict(options.bundle)
    found: dict[str, tuple[str, list[str], bool]] = {
        name: ("sonant", [bundle], True) for name, bundle in (*options.bundle, *options.alone)
    }
    if len(bundles) > 1:
        found[FUSED] = ("sonant", list(bundles.values()), False)
    return found | {title: (way, [], trained) for title, (way, trained) in PEERS.items()}


def start(
    options: argparse.Namespace, material: Material
) -> tuple[dict[str, Running], dict[str, str]]:
    """Those who can run, warm, and why the others cannot."""
    running: dict[str, Running] = {}
    skipped: dict[str, str] = {}
    for title, (way, bundles, _) in contenders(options).items():
        one = Running(material.folder, way, bundles, peers=options.peers, core=options.core)
        try:
            one.embed([0, 1])
            running[title] = one
        except Stopped as error:
            skipped[title] = str(error)
    return running, skipped


def race(
    running: Mapping[str, Running], clips: int, *, timed: int, rounds: int
) -> dict[str, Speed]:
    """All contenders in turns on the same clips."""
    numbers = np.random.default_rng(1).permutation(clips)[:timed].tolist()
    for _ in range(rounds):
        for one in running.values():
            one.turn(numbers)
    return {title: one.speed() for title, one in running.items()}


def errors(
    options: argparse.Namespace, material: Material, running: Mapping[str, Running]
) -> dict[str, Worth]:
    """What the cosines of each contender are worth, of their fusions, and with AS-norm where asked for."""
    ours = dict(options.bundle)
    trained = [title for title, (_, _, means) in contenders(options).items() if means]
    asked: dict[str, Scores] = {}
    fit: dict[str, Scores] = {}
    of_asked, of_known, of_cohort = material.parts
    for title in (title for title in trained if title in running):
        rows, _ = running[title].embed(of_asked)
        asked[title] = material.asked.cosines(rows)
        if material.cohort:
            cohort, _ = running[title].embed(of_cohort)
            asked[f"{title}, AS-norm"] = material.asked.normalised(
                rows, cohort, top=min(options.top, material.cohort)
            )
        if title in ours and len(ours) > 1:
            fit[title] = material.known.cosines(running[title].embed(of_known)[0])
    if fit:
        on = {name: asked[name] for name in ours}
        asked |= trials.fused(fit, material.known.trials.same, on)
    return trials.judge(asked, material.asked, against=options.against, rounds=options.redrawn)


def report(
    material: Material,
    worth: Mapping[str, Worth],
    speeds: Mapping[str, Speed],
    skipped: Mapping[str, str],
    *,
    against: str,
) -> None:
    """Print both tables."""
    print(f"{material.asked.trials.name}: {material.asked.trials.origin}")
    print(f"digest {material.asked.trials.digest[:16]}, {material.seconds:.1f} s a clip on average")
    print(f"\n{'':44}{'EER, %':>22}{'minDCF 0.01':>13}{'EER less ' + against + chr(39) + 's':>30}")
    for title, one in worth.items():
        apart = "" if one.against is None else trials.percent(one.against)
        print(f"{title:44}{trials.percent(one.eer):>22}{one.min_dcf.value:>13.3f}{apart:>30}")
    heads = ("mean ms", "median", "quartiles", "a second", "same bits")
    print("\n{:44}{:>9}{:>8}{:>16}{:>10}{:>11}".format("", *heads))
    for title, took in speeds.items():
        quartiles = f"{took.low_ms:.2f} to {took.high_ms:.2f}"
        print(
            f"{title:44}{took.mean_ms:>9.2f}{took.median_ms:>8.2f}{quartiles:>16}{took.a_second:>10.0f}"
            f"{'yes' if took.same_bits else 'NO':>11}"
        )
    for title, reason in skipped.items():
        print(f"{title:44} skipped: {reason}")


def named(text: str) -> tuple[str, str]:
    """A bundle with its name in the tables."""
    name, _, bundle = text.partition("=")
    if not bundle:
        raise argparse.ArgumentTypeError(f"{text}: want NAME=BUNDLE, as in tdnn=runs/speaker-tdnn")
    return name, bundle


def asked_for() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="folder, table or corpus of clips with speakers")
    parser.add_argument("--bundle", type=named, action="append", default=[], metavar="NAME=BUNDLE")
    parser.add_argument(
        "--alone", type=named, action="append", default=[], metavar="NAME=BUNDLE",
        help="a bundle that is compared and not fused, as one that is a fusion",
    )  # fmt: skip
    parser.add_argument("--peers", type=Path, help="folder that peers were installed to")
    parser.add_argument(
        "--fit-on", default="", metavar="DATA", help="whose `validation` fusions are learned on"
    )
    parser.add_argument("--against", default="Resemblyzer", help="whom others are compared with")
    parser.add_argument("--per-speaker", type=int, default=50, help="pairs of each speaker at most")
    parser.add_argument("--different-per-same", type=int, default=4)
    parser.add_argument("--cohort", type=int, default=0, help="clips of the training for AS-norm")
    parser.add_argument("--top", type=int, default=100, help="nearest of the cohort that count")
    parser.add_argument("--redrawn", type=int, default=500, help="rounds for the bounds")
    parser.add_argument("--timed", type=int, default=50, help="clips of a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--core", type=int, help="which core; the last there is")
    parser.add_argument("--save-trials", type=Path, help="write the trials here")
    parser.add_argument("--json", action="store_true", help="a line of JSON at the end")
    options = parser.parse_args()
    if options.core is None:
        options.core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return options


def main() -> None:
    """Draw, embed, measure, print."""
    options = asked_for()
    with tempfile.TemporaryDirectory() as scratch:
        material = gather(options, Path(scratch))
        running, skipped = start(options, material)
        worth = errors(options, material, running)
        speeds = race(
            running, len(material.asked.items), timed=options.timed, rounds=options.rounds
        )
        for one in running.values():
            one.end()
    report(material, worth, speeds, skipped, against=options.against)
    if options.json:
        tables: dict[str, Any] = {
            "trials": material.asked.trials.digest,
            "errors": {title: asdict(one) for title, one in worth.items()},
            "speed": {title: asdict(one) for title, one in speeds.items()},
            "skipped": skipped,
        }
        print(json.dumps(tables))


if __name__ == "__main__":
    main()
