"""A whole run of a spoof detector: trained, chosen and calibrated on validation, judged on new speakers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sonant import runs
from sonant.audio import read
from sonant.bundle import load_detector
from sonant.card import Card
from sonant.manifest import Manifest
from sonant.runs import Outcome
from sonant.runtime.graph import check_golden
from sonant.spoofing.detector import Detector
from spoof_corpus import SPOOF_RECIPE, spoof_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoof_corpus(tmp_path_factory.mktemp("corpus"), each=6)


@pytest.fixture(scope="module")
def ran(corpus: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    found = runs.train(SPOOF_RECIPE, corpus, out=tmp_path_factory.mktemp("run") / "spoof")
    assert found is not None
    return found


def test_forgeries_of_speakers_never_heard_are_told(ran: Outcome) -> None:
    assert ran.metrics["test_eer"] <= 0.1
    assert ran.metrics["validation_eer"] <= 0.1
    assert "accuracy" in " ".join(ran.metrics)


def test_the_bundle_says_p_spoof_and_llr_with_the_right_sign(
    ran: Outcome, corpus: Manifest
) -> None:
    detector = Detector.load(ran.bundle)
    assert detector.calibration is not None
    answers = {
        label: [
            detector.detect(item) for item in corpus if item.split == "test" and item.label == label
        ]
        for label in ("bonafide", "spoof")
    }
    assert np.median([one.llr_bonafide for one in answers["bonafide"]]) > 0
    assert np.median([one.llr_bonafide for one in answers["spoof"]]) < 0
    assert np.median([one.p_spoof for one in answers["bonafide"]]) < 0.5
    assert np.median([one.p_spoof for one in answers["spoof"]]) > 0.5


def test_the_graph_answers_as_the_model_does(ran: Outcome, corpus: Manifest) -> None:
    import torch

    clip = read(corpus.items[0].path)
    with torch.no_grad():
        logits = load_detector(ran.bundle)(torch.from_numpy(clip.samples)[None])[0]
    score, windows, _ = Detector.load(ran.bundle).heard(clip.samples[:2000])
    whole = torch.from_numpy(clip.samples[:2000])[None]
    with torch.no_grad():
        wanted = load_detector(ran.bundle)(whole)[0]
    assert windows == 1
    assert score == pytest.approx(float(wanted[0] - wanted[1]), abs=1e-2)
    assert logits.isfinite().all()
    assert check_golden(Card.read(ran.bundle)) < 1e-4


def test_the_run_leaves_a_page_and_figures_of_the_test_split(ran: Outcome) -> None:
    assert ran.report is not None
    assert "Furthest off" in ran.report.read_text()
    found = json.loads((ran.folder / "evaluation.json").read_text())
    assert found["split"] == "test"
    assert found["whole"]["rates"]["eer"]["value"] == ran.metrics["test_eer"]
    assert set(found["whole"]["rates"]) == {"eer", "min_dcf", "act_dcf", "cllr"}


def test_the_calibration_is_a_version_of_its_own_and_says_what_it_was_chosen_on(
    ran: Outcome,
) -> None:
    card = Card.read(ran.bundle)
    assert card.version == 2
    assert card.labels == ("bonafide", "spoof")
    assert card.operating_point is not None
    assert card.operating_point["spoofing"]["chosen_on"].endswith("validation")
