"""What a card says of how to decide, read strictly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import BundleError
from sonant.speakers import scorers
from sonant.speakers.deciding import Deciding
from sonant.speakers.gates import Gate
from sonant.speakers.records import Candidate
from sonant.speakers.verdict import OperatingPoint
from sonant.verification.calibration import Calibration
from voice_bundle import write_voices

CALIBRATION = Calibration(slope=20.0, offset=-10.0, prior=0.5, same=100, different=100)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card.read(write_voices(tmp_path_factory.mktemp("deciding")))


def entry(**changes: Any) -> dict[str, Any]:
    tree = {
        "calibration": CALIBRATION.to_dict(),
        "operating_point": {"prior": 0.1, "cost_miss": 2.0, "cost_false_accept": 5},
        "gate": {"speech_s": 1.0, "snr_db": 3},
        "figures": {},
        "chosen_on": {},
    }
    return {"speakers": {**tree, **changes}}


@pytest.mark.parametrize("point", [None, {"decision": {}}])
def test_a_card_that_says_nothing_is_uncalibrated(card: Card, point: dict[str, Any] | None) -> None:
    assert Deciding.of(replace(card, operating_point=point)) == Deciding()
    assert Deciding().calibration is None


def test_all_that_it_says_is_read(card: Card) -> None:
    found = Deciding.of(replace(card, operating_point=entry()))
    assert found.calibration == CALIBRATION
    assert found.point == OperatingPoint(prior=0.1, cost_miss=2.0, cost_false_accept=5.0)
    assert found.gate == Gate(speech_s=1.0, snr_db=3.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": 0.5}, r"operating_point\.speakers\.threshold: this format has no such key"),
        ({"operating_point": {"prior": 1.5}}, "want a prior between 0 and 1"),
        ({"operating_point": {}}, r"speakers\.operating_point: .*prior"),
        ({"gate": {"speech_s": 1.0}}, r"speakers\.gate\.snr_db: missing"),
        ({"calibration": {}}, r"speakers\.calibration\.slope: missing"),
    ],
)
def test_what_is_wrong_is_named(card: Card, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BundleError, match=said) as error:
        Deciding.of(replace(card, operating_point=entry(**changes)))
    assert Path(str(error.value).split(":")[0]).name == "bundle.json"


def test_another_scorer_is_a_file_of_the_bundle(card: Card, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 4))
    scorer = scorers.fit("as-norm", rows, [f"s{number // 2}" for number in range(30)], top=5)
    np.savez(tmp_path / "scoring.npz", allow_pickle=False, **scorer.arrays())
    said = entry(scoring={"kind": "as-norm", "file": "scoring.npz"})
    path = revise(card, files={"scoring.npz": tmp_path / "scoring.npz"},
                  changes={"operating_point": said})  # fmt: skip
    found = Deciding.of(Card.read(path))
    assert found.scorer.kind == "as-norm"
    vectors = rows.astype(np.float32)
    candidates = [Candidate(name="ann", cosine=0.5)]
    (score,) = found.against(vectors[0], candidates, lambda name: vectors[1]) or []
    assert score == pytest.approx(float(scorer.scores(vectors[1:2], vectors[:1])[0]), rel=1e-5)
    assert Deciding().against(vectors[0], candidates, lambda name: vectors[1]) is None
    with pytest.raises(BundleError, match=r"'scoring\.npz' is not among the bundle's files"):
        Deciding.of(replace(card, operating_point=said))
