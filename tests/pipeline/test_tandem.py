"""The figures of verifier and detector together, where they can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.pipeline.tandem import Trials, measured

FAR = 20.0


def trials(*, spoofs_to_verifier: float, spoofs_to_detector: float) -> Trials:
    """Four trials of each kind, on which the verifier errs with nobody but forgers."""
    ones = np.ones(4)
    return Trials(
        targets=(FAR * ones, FAR * ones),
        others=(-FAR * ones, FAR * ones),
        spoofs=(spoofs_to_verifier * ones, spoofs_to_detector * ones),
    )


def figures(found: Trials) -> dict[str, float]:
    scores = np.concatenate([found.targets[1], found.spoofs[1]])
    truth = np.arange(8) < 4
    return measured(found, detector=(scores, truth), spoof_share=0.5)


def test_a_detector_that_knows_forgeries_mends_what_the_verifier_lets_in() -> None:
    found = figures(trials(spoofs_to_verifier=2 * FAR, spoofs_to_detector=-FAR))
    assert found["verifier SV-EER"] == 0
    assert found["verifier SPF-EER"] == 1
    assert found["forgeries accepted"] == 1
    assert found["both SASV-EER"] == 0
    assert found["both a-DCF"] == 0
    assert found["t-DCF"] == 0
    assert found["t-EER"] == pytest.approx(0)


def test_a_detector_that_is_deceived_as_well_mends_nothing() -> None:
    found = figures(trials(spoofs_to_verifier=2 * FAR, spoofs_to_detector=2 * FAR))
    assert found["both SPF-EER"] == found["verifier SPF-EER"] == 1
    # Refusing everybody costs 0.9, accepting all 0.05 * 10 + 0.05 * 20 = 1.5; at the best threshold only
    # forgeries come in, 0.05 * 20 = 1, so refusing everybody is the cheapest: 0.9 / 0.9.
    assert found["both a-DCF"] == pytest.approx(1.0)


def test_a_verifier_worse_than_none_has_no_t_dcf() -> None:
    wrong = Trials(
        targets=(-np.ones(4), np.ones(4)),
        others=(np.ones(4), np.ones(4)),
        spoofs=(np.ones(4), -np.ones(4)),
    )
    assert "t-DCF" not in figures(wrong)
