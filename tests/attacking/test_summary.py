"""What a folder of attacked clips comes to, reckoned by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bundles import tone
from sonant import audio
from sonant.attacking import summary
from sonant.attacking.cases import Case
from sonant.attacking.ears import WordEar
from sonant.attacking.summary import Share, transferred
from sonant.audio import Clip
from sonant.card import Card
from sonant.manifest import Item


def row(**said: str) -> dict[str, str]:
    return {
        "success": "no",
        "unattacked": "no",
        "snr_db": "",
        "max_noise": "",
        "stoi": "",
        "pesq": "",
        "queries": "0",
        "took_s": "1",
        "score_before": "-1",
        "score_after": "1",
        **said,
    }


def test_a_share_has_wilsons_interval() -> None:
    found = Share(won=18, clips=20)
    assert found.value == 0.9
    assert found.interval == pytest.approx((0.699, 0.972), abs=1e-3)
    assert found.to_json()["share"] == 0.9


def test_nothing_of_nothing_is_no_share() -> None:
    nothing = Share(won=0, clips=0)
    assert math.isnan(nothing.value)
    assert nothing.to_json()["share"] is None
    assert nothing.interval == (0.0, 1.0)


def test_a_share_counts_who_says_yes() -> None:
    rows = [row(success="yes"), row(), row(success="yes", unattacked="yes")]
    assert summary.share(rows, "success") == Share(won=2, clips=3)
    assert summary.share(rows, "unattacked") == Share(won=1, clips=3)


@pytest.mark.parametrize(
    ("success", "unattacked", "idle"),
    [("yes", "no", False), ("yes", "yes", True), ("no", "no", True)],
)
def test_an_attack_that_wins_no_more_than_doing_nothing_is_idle(
    success: str, unattacked: str, idle: bool
) -> None:
    assert summary.idle([row(success=success, unattacked=unattacked)]) == idle


def test_means_leave_out_what_was_not_measured() -> None:
    found = summary.means([row(snr_db="20", queries="10"), row(snr_db="30"), row()])
    assert found["snr_db"] == 25.0
    assert found["queries"] == pytest.approx(10 / 3)
    assert "pesq" not in found


def test_another_bundle_is_asked_about_the_clean_and_the_written_sounds(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    ear = WordEar(Card.read(tiny_bundle), rate_hz=16_000, read=lambda item: tone(item.label))
    cases = [
        Case(number=n, item=Item(path=Path(f"{n}.wav"), label="low"), answer="low", away=True)
        for n in range(3)
    ]
    for case, heard in zip(cases, ("mid", "low", "high"), strict=True):
        file = tmp_path / case.path
        file.parent.mkdir(exist_ok=True)
        audio.write(file, Clip(tone(heard), 16_000))
    told: list[tuple[int, int]] = []
    found = transferred(
        ear,
        cases,
        tmp_path,
        read=lambda item: tone(item.label),
        about="the goal",
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert found.unattacked == Share(won=0, clips=3)
    assert found.attacked == Share(won=2, clips=3)
    assert told == [(3, 3)]
    said = found.to_json()
    assert (said["bundle"], said["about"], said["attacked"]["won"]) == (ear.title, "the goal", 2)
