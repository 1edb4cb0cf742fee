"""Every attack by its name: inside the bound, counted, and past defences where it knows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attackable import LOUD, Attacked
from sonant import audio
from sonant.attacking.methods import METHODS, method_of
from sonant.attacks.bounds import Bound
from sonant.errors import SonantError
from sonant.manifest import Manifest

QUICK = {
    "fgsm": {},
    "pgd": {"steps": 5},
    "cw": {"steps": 3},
    "universal": {"steps": 1},
    "hopskipjump": {"steps": 1, "queries": 40},
    "nes": {"queries": 110},
    "fakebob": {"queries": 110},
    "advgan": {"steps": 3},
}
"""So much of each as shows that it runs."""


def test_the_table_names_them_all() -> None:
    assert list(QUICK) == list(METHODS)
    assert all(method.about for method in METHODS.values())


@pytest.mark.parametrize("method", METHODS)
def test_what_it_writes_stays_within_the_bound(
    attacked: Attacked, method: str, voices: Manifest, tmp_path: Path
) -> None:
    done = attacked(method=method, asked={"count": 2}, **QUICK[method])
    for row in done.rows:
        assert float(row["max_noise"] or 0) <= (LOUD.epsilon or 0)
        assert int(row["queries"]) >= 0
        assert audio.read(tmp_path / "out" / row["path"]).rate_hz == 4000
        if METHODS[method].needs in ("scores", "answers"):
            assert int(row["queries"]) > 0


def test_a_least_ratio_of_speech_to_noise_is_kept(attacked: Attacked) -> None:
    done = attacked(bound=Bound(epsilon=None, snr_db=30.0), steps=5)
    for row in done.rows:
        assert float(row["snr_db"]) >= 29.5


@pytest.mark.parametrize("goal", ["reject", "s08"])
def test_goals_of_a_verifier(attacked: Attacked, goal: str) -> None:
    done = attacked(asked={"goal": goal})
    assert done.success.won > done.unattacked.won
    if goal == "s08":
        assert {row["claim_speaker"] for row in done.rows} == {"s08"}


@pytest.mark.parametrize(
    ("kind", "goal"),
    [("identifier", "any"), ("open-identifier", "reject"), ("open-identifier", "s08")],
)
def test_identifiers_closed_and_open(attacked: Attacked, kind: str, goal: str) -> None:
    done = attacked(asked={"kind": kind, "goal": goal, "enrolled": 3})
    assert done.success.won > done.unattacked.won


@pytest.mark.parametrize("goal", ["any", "high"])
def test_words(attacked: Attacked, recogniser: Path, words: Manifest, goal: str) -> None:
    done = attacked(bundle=recogniser, asked={"data": words, "goal": goal})
    assert done.success.won > done.unattacked.won
    assert done.rows[0]["as"] == "recogniser"


def test_a_generator_that_is_done_is_read_and_not_trained_again(
    attacked: Attacked, tmp_path: Path
) -> None:
    attacked(method="advgan", steps=3, asked={"count": 1})
    kept = tmp_path / "out" / "advgan.safetensors"
    before = kept.stat().st_mtime_ns
    steps: list[object] = []
    attacked(
        method="advgan", steps=3, asked={"count": 2},
        on_event=lambda event: steps.append(event) if hasattr(event, "loss") else None,
    )  # fmt: skip
    assert not steps
    assert kept.stat().st_mtime_ns >= before


def test_one_generator_serves_one_claim(attacked: Attacked) -> None:
    done = attacked(method="advgan", steps=1)
    assert len({row["claim"] for row in done.rows}) == 1
    assert any("one generator, one voice" in remark for remark in done.remarks)


def test_a_defence_is_measured_beside_the_bare_model(attacked: Attacked, tmp_path: Path) -> None:
    blind = attacked(defences=("quantise:3",), out=tmp_path / "blind")
    knowing = attacked(defences=("quantise:3",), adaptive=True, out=tmp_path / "knowing")
    assert blind.success_bare.won >= blind.success.won or knowing.success.won
    assert {row["adaptive"] for row in knowing.rows} == {"yes"}
    assert np.any(
        [a["sha256"] != b["sha256"] for a, b in zip(blind.rows, knowing.rows, strict=True)]
    )


def test_a_threshold_is_guessed_near_the_true_one(attacked: Attacked) -> None:
    done = attacked(method="fakebob", queries=4000, asked={"count": 4}, minutes=0.01)
    assert done.guessed is not None
    assert done.threshold is not None
    assert done.threshold - 1e-6 <= done.guessed <= done.threshold + 0.2


def test_a_method_says_what_it_cannot_do() -> None:
    with pytest.raises(SonantError, match="these can: fgsm, pgd, nes, fakebob, advgan"):
        method_of("universal", has_model=True, knowing=True)
