"""From which cosine on a speaker model says yes: as calibrated, else where both errors are as many."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonant.attacking.thresholds import threshold_of
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from voice_bundle import moments, write_voices

RATE_HZ = 16_000
CALIBRATION = {
    "slope": 20.0,
    "offset": -18.0,
    "quality": {},
    "prior": 0.5,
    "same": 9,
    "different": 9,
    "trials": "",
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Two people in validation and two in test, whom the bundle knows by how far they sit from zero."""
    folder, items = tmp_path_factory.mktemp("people"), []
    for number, offset in enumerate((-0.4, 0.4, -0.2, 0.2)):
        for take in range(3):
            rng = np.random.default_rng([number, take])
            path = folder / f"p{number}-{take}.wav"
            soundfile.write(path, offset + 0.05 * rng.standard_normal(8000), RATE_HZ)
            split = ("validation", "test")[number // 2]
            items.append(Item(path=path, label=f"p{number}", speaker=f"p{number}", split=split))
    return Manifest(items=tuple(items), name="people")


def card(root: Path, **said: Any) -> Card:
    bundle = write_voices(root)
    if said:
        file = bundle / "bundle.json"
        values = json.loads(file.read_text())
        values["operating_point"] = {"speakers": said}
        file.write_text(json.dumps(values))
    return Card.read(bundle)


def cosines(people: Manifest, split: str, *, same: bool) -> list[float]:
    """Of all pairs, reckoned without the bundle."""
    units = {}
    for item in people.where(split=split):
        vector = moments(soundfile.read(item.path, dtype="float32")[0])
        units[item] = vector / np.linalg.norm(vector)
    return [
        float(units[a] @ units[b])
        for a in units
        for b in units
        if a != b and (a.speaker == b.speaker) == same
    ]


def test_without_a_calibration_errors_are_made_equal_on_validation(
    people: Manifest, tmp_path: Path
) -> None:
    found = threshold_of(card(tmp_path), people, split="test", longest_s=10.0)
    assert max(cosines(people, "validation", same=False)) < found.cosine
    assert found.cosine <= min(cosines(people, "validation", same=True)) + 1e-6
    assert found.how.startswith("not calibrated: equal errors of 0.0% on ")
    assert found.how.endswith(" trials of the split validation")


def test_where_there_is_no_validation_the_attacked_split_has_to_do(
    people: Manifest, tmp_path: Path
) -> None:
    alone = people.where(split="test")
    found = threshold_of(card(tmp_path), alone, split="test", longest_s=10.0)
    assert found.how.endswith("of the split test")
    assert found.cosine <= min(cosines(people, "test", same=True)) + 1e-6


def test_so_it_does_where_validation_has_no_pairs(people: Manifest, tmp_path: Path) -> None:
    (lonely, *_) = people.where(split="validation").items
    others = (item for item in people if item.split == "test")
    some = people.with_items((replace(lonely), *others))
    found = threshold_of(card(tmp_path), some, split="test", longest_s=10.0)
    assert found.how.endswith("of the split test")


def test_where_nobody_can_be_compared_it_is_said(people: Manifest, tmp_path: Path) -> None:
    one = people.with_items(item for item in people if item.speaker == "p3")
    with pytest.raises(ManifestError, match="test"):
        threshold_of(card(tmp_path), one, split="test", longest_s=10.0)


def test_a_calibrated_bundle_says_it_itself(people: Manifest, tmp_path: Path) -> None:
    point = {"prior": 0.5, "cost_miss": 1.0, "cost_false_accept": 1.0}
    gate = {"speech_s": 0.0, "snr_db": 0.0}
    calibrated = card(
        tmp_path,
        calibration=CALIBRATION,
        operating_point=point,
        gate=gate,
        figures={},
        chosen_on="",
    )
    found = threshold_of(calibrated, people, split="test", longest_s=10.0)
    assert found == (pytest.approx(18.0 / 20.0), "calibrated operating point")
