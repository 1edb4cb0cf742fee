"""Several systems as one are no worse than the better of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.errors import BundleError, ManifestError
from sonant.verification import rates
from sonant.verification.calibration import Calibration
from sonant.verification.fusion import (
    Concatenation,
    LogisticFusion,
    MeanScore,
    mean_embedding,
)
from sonant.verification.norms import cosines, unit


def two_systems(
    seed: int, *, trials: int = 4000, second: float = 1.5
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores of a good system and a worse one, with errors of their own and on other scales."""
    random = np.random.default_rng(seed)
    same = np.arange(trials) % 2 == 0
    good = random.normal(size=trials) + 2.5 * same
    other = random.normal(size=trials) + second * same
    return {"good": 0.1 * good + 0.3, "other": 40 * other}, same


def test_the_mean_of_normalised_scores_beats_both_and_does_not_care_for_scales() -> None:
    scores, same = two_systems(1)
    fused = MeanScore.fit(scores, same).fuse(scores)
    assert rates.eer(fused, same) < min(rates.eer(part, same) for part in scores.values())
    scaled = {"good": 7 * scores["good"], "other": scores["other"] - 100}
    assert MeanScore.fit(scaled, same).fuse(scaled) == pytest.approx(fused)


def test_normalised_scores_have_the_mean_nought_and_the_deviation_one() -> None:
    scores, same = two_systems(2, trials=300)
    fused = MeanScore.fit({"good": scores["good"]}, same).fuse({"good": scores["good"]})
    assert (fused[same].mean() + fused[~same].mean()) / 2 == pytest.approx(0, abs=1e-12)
    assert ((fused[same] ** 2).mean() + (fused[~same] ** 2).mean()) / 2 == pytest.approx(1)


def test_a_system_that_says_nothing_is_named() -> None:
    with pytest.raises(ManifestError, match="all scores of mute are alike"):
        MeanScore.fit({"mute": [1.0, 1.0]}, [0, 1])
    with pytest.raises(ValueError, match="fitted with good and is given other"):
        MeanScore(means={"good": 0.0}, deviations={"good": 1.0}).fuse({"other": [1.0]})


def test_mean_embeddings_have_the_length_one() -> None:
    found = mean_embedding([[[2.0, 0.0]], [[0.0, 5.0]]])
    assert found == pytest.approx(np.array([[math.sqrt(0.5), math.sqrt(0.5)]]))
    with pytest.raises(ValueError, match="want one shape"):
        mean_embedding([[[1.0, 0.0]], [[1.0, 0.0, 0.0]]])
    with pytest.raises(ValueError, match="points nowhere"):
        mean_embedding([[[1.0, 0.0]], [[-1.0, 0.0]]])


@given(st.floats(0, 1), st.integers(0, 10_000))
def test_the_cosine_of_joined_embeddings_is_the_weighted_mean_of_cosines(
    weight: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    left = {"a": random.normal(size=(3, 4)), "b": random.normal(size=(3, 2))}
    right = {"a": random.normal(size=(3, 4)), "b": random.normal(size=(3, 2))}
    joined = Concatenation(weights={"a": weight, "b": 1 - weight})
    expected = weight * cosines(left["a"], right["a"]) + (1 - weight) * cosines(
        left["b"], right["b"]
    )
    found = cosines(joined.join(left), joined.join(right))
    assert found == pytest.approx(expected, abs=1e-12)
    assert np.linalg.norm(joined.join(left), axis=1) == pytest.approx(np.ones(3))


def test_learned_weights_trust_the_better_system_and_drop_a_harmful_one() -> None:
    scores, same = two_systems(3)
    random = np.random.default_rng(3)
    against = random.normal(size=len(same)) - 0.3 * same
    columns = {"good": scores["good"] * 10, "other": scores["other"] / 40, "against": against}
    weights = Concatenation.fit(columns, same).weights
    assert weights["good"] > weights["other"] > 0 == weights["against"]
    assert sum(weights.values()) == pytest.approx(1)
    assert list(weights) == list(columns)


def test_equal_weights_sum_to_one_and_others_are_refused() -> None:
    assert Concatenation.equal(["a", "b", "c", "d"]).weights["c"] == 0.25
    for weights in ({"a": 0.4}, {"a": 1.5, "b": -0.5}, {}):
        with pytest.raises(ValueError, match="sum to 1"):
            Concatenation(weights=weights)
    with pytest.raises(ValueError, match=r"of \['b'\], the weights of \['a'\]"):
        Concatenation(weights={"a": 1.0}).join({"b": unit([[1.0, 0.0]])})
    with pytest.raises(ManifestError, match="no system scores the same speaker higher"):
        Concatenation.fit({"a": [1.0, 0.0]}, [0, 1])


def calibrated(scores: dict[str, np.ndarray], same: np.ndarray) -> dict[str, np.ndarray]:
    return {name: Calibration.fit(part, same).llr(part) for name, part in scores.items()}


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(0.3, 3.0))
def test_logistic_fusion_is_no_worse_than_its_better_half(seed: int, second: float) -> None:
    scores, same = two_systems(seed, trials=600, second=second)
    llrs = calibrated(scores, same)
    fused = LogisticFusion.fit(llrs, same).llr(llrs)
    best = min(rates.cllr(part, same) for part in llrs.values())
    assert rates.cllr(fused, same) <= best + 1e-4


def test_on_trials_it_never_saw_fusion_helps_and_stays_calibrated() -> None:
    scores, same = two_systems(5, trials=20_000)
    llrs = calibrated(scores, same)
    order = np.random.default_rng(0).permutation(len(same))
    half = order[: len(order) // 2], order[len(order) // 2 :]
    first, second = ({name: part[rows] for name, part in llrs.items()} for rows in half)
    fused = LogisticFusion.fit(first, same[half[0]]).llr(second)
    truth = same[half[1]]
    assert rates.eer(fused, truth) < min(rates.eer(part, truth) for part in second.values())
    assert rates.cllr(fused, truth) - rates.min_cllr(fused, truth) < 0.02


def test_of_two_independent_calibrated_systems_the_llrs_add() -> None:
    scores, same = two_systems(6, trials=20_000)
    found = LogisticFusion.fit(calibrated(scores, same), same)
    assert list(found.systems.values()) == pytest.approx([1.0, 1.0], abs=0.1)


def test_quality_joins_in_and_keeps_its_name() -> None:
    scores, same = two_systems(7, trials=300)
    llrs = calibrated(scores, same)
    norm = np.linspace(0, 1, 300)
    found = LogisticFusion.fit(llrs, same, quality={"norm": norm})
    assert set(found.quality) == {"norm"}
    assert found.llr(llrs, {"norm": norm}).shape == (300,)
    with pytest.raises(ValueError, match="fitted with good, other, norm and is given good, other;"):
        found.llr(llrs)
    with pytest.raises(ValueError, match="'good' names a system and a measure"):
        LogisticFusion.fit(llrs, same, quality={"good": norm})


def test_fusion_survives_json_and_refuses_what_is_not_its_own() -> None:
    scores, same = two_systems(8, trials=100)
    made = LogisticFusion.fit(calibrated(scores, same), same, quality={"norm": np.arange(100)})
    assert LogisticFusion.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    with pytest.raises(BundleError, match=r"fusion\.prior: 0.0 is not between"):
        LogisticFusion.from_dict(made.to_dict() | {"prior": 0.0})
    with pytest.raises(BundleError, match=r"fusion\.kind: this format has no such key"):
        LogisticFusion.from_dict(made.to_dict() | {"kind": "mean"})
