"""Weights of a fusion, and every way to fuse on the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from other_voice import write_other
from sonant.errors import BundleError, ManifestError
from sonant.speakers import fusing
from sonant.speakers.embedding import Embedding
from sonant.speakers.fusing import Table
from sonant.speakers.gates import Quality
from sonant.speakers.verdict import Heard
from sonant.verification import rates
from sonant.verification.trials import Trial, TrialList
from voice_bundle import write_voices

SPEAKERS, TAKES, SIZE = 12, 4, 8


def heard_by(seed: int, noise: float, *, norm: bool = True) -> dict[str, Heard]:
    """Embeddings of every clip, about a place of its speaker."""
    rng = np.random.default_rng(seed)
    found = {}
    for speaker in range(SPEAKERS):
        place = rng.normal(size=SIZE)
        for take in range(TAKES):
            row = place + noise * rng.normal(size=SIZE)
            vector = (row / np.linalg.norm(row)).astype(np.float32)
            found[f"s{speaker}/{take}"] = Heard(
                embedding=Embedding(vector=vector, norm=float(rng.uniform(1, 2)) if norm else None),
                quality=Quality(speech_s=float(rng.uniform(1, 4)), snr_db=20.0),
            )
    return found


@pytest.fixture(scope="module")
def trials() -> TrialList:
    names = [(f"s{s}", f"s{s}/{take}") for s in range(SPEAKERS) for take in range(TAKES)]
    pairs = [(a, b) for number, a in enumerate(names) for b in names[number + 1 :]]
    return TrialList(
        trials=tuple(
            Trial(left=a[1], right=b[1], same=a[0] == b[0], left_speaker=a[0], right_speaker=b[0])
            for a, b in pairs
        ),
        name="made up",
    )


@pytest.fixture(scope="module")
def heard() -> Mapping[str, Mapping[str, Heard]]:
    return {"good": heard_by(1, 0.9), "fair": heard_by(2, 1.2)}


def test_learned_weights_favour_the_better_and_beat_both(
    trials: TrialList, heard: Mapping[str, Mapping[str, Heard]]
) -> None:
    two = {name: heard[name] for name in ("good", "fair")}
    table = Table.of(trials, two)
    weights = fusing.learned(table)
    assert weights["good"] > weights["fair"] > 0
    assert sum(weights.values()) == pytest.approx(1.0)
    fused = rates.eer(table.mean(weights), trials.same)
    assert fused < min(rates.eer(column, trials.same) for column in table.cosines.values())
    assert set(table.quality) == {"speech_s", "snr_db", "norm of good", "norm of fair"}


def test_a_model_that_adds_nothing_is_named(
    trials: TrialList, heard: Mapping[str, Mapping[str, Heard]]
) -> None:
    table = Table.of(trials, {name: heard[name] for name in ("good", "fair")})
    mirrored = Table(
        trials=trials,
        cosines={"good": table.cosines["good"], "bad": -table.cosines["fair"]},
        quality={},
    )
    with pytest.raises(ManifestError, match="bad adds nothing to the rest"):
        fusing.learned(mirrored)


def test_every_way_is_measured_on_speakers_it_did_not_learn_from(
    trials: TrialList, heard: Mapping[str, Mapping[str, Heard]]
) -> None:
    two = {name: heard[name] for name in ("good", "fair")}
    given = {"good": 0.9, "fair": 0.1}
    found = fusing.compare(two, trials, given=given, rounds=20)
    assert [row.name for row in found.rows] == [
        "good", "fair", fusing.EQUAL, fusing.GIVEN, fusing.MEAN, fusing.LEARNED, fusing.LOGISTIC,
    ]  # fmt: skip
    assert found.best == "good"
    by_name = {row.name: row.figures.rates for row in found.rows}
    gain = by_name[fusing.LEARNED]["eer"].value - by_name["good"]["eer"].value
    assert found.gain.value == pytest.approx(gain)
    assert gain < 0
    assert all("cllr" in row.figures.rates for row in found.rows)
    one, two_ = trials.halves()
    assert len(found.trials) == len(one) + len(two_)
    assert set(found.to_json()["systems"]) == set(by_name)


def test_what_cannot_be_fused_is_refused(tmp_path: Path) -> None:
    voices, other = write_voices(tmp_path), write_other(tmp_path)
    with pytest.raises(BundleError, match="takes two speaker bundles or more"):
        fusing.opened([voices])
    with pytest.raises(BundleError, match="is the same model as"):
        fusing.opened([voices, other, voices.parent])
    slow = write_other(tmp_path / "slow", rate_hz=8000, norm=False)
    with pytest.raises(BundleError, match="hears at 8000 Hz"):
        fusing.opened([voices, slow])
    assert list(fusing.opened([voices, other])) == ["voices/1", "others/1"]
