"""The page of an attack: figures, players and spectrograms, nothing from elsewhere, no name taken as HTML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundles import tone
from sonant import audio
from sonant.attacking import report, summary
from sonant.attacking.outcome import Done
from sonant.attacking.summary import Share, Transfer
from sonant.attacking.work import COLUMNS
from sonant.audio import Clip
from sonant.report.gallery import percent


def row(number: int, *, success: str = "yes", **said: str) -> dict[str, str]:
    return {
        **dict.fromkeys(COLUMNS, ""),
        "path": f"wav/{number:04d}.wav",
        "method": "pgd",
        "as": "verifier",
        "goal": "accept",
        "victim": "0123456789abcdef",
        "answer": "the claimed speaker",
        "away": "no",
        "score_before": "-0.5",
        "score_after": "0.25",
        "success": success,
        "unattacked": "no",
        "snr_db": "30",
        **said,
    }


def done(out: Path, *rows: dict[str, str], **said: object) -> Done:
    plain = Done(
        title="voices/1",
        manifest=out / "manifest.csv",
        report=out / "report.html",
        summary=out / "summary.json",
        rows=rows,
        made=len(rows),
        missing=0,
        success=summary.share(rows, "success"),
        success_bare=Share(won=0, clips=1),
        unattacked=summary.share(rows, "unattacked"),
        transfers=(),
        proof=None,
        threshold=0.5,
        guessed=None,
        remarks=(),
    )
    return replace(plain, **said)  # type: ignore[arg-type]


def written(out: Path, found: Done) -> str:
    """The page, all sounds being there."""
    (out / "wav").mkdir()
    clean = {one["path"]: tone("low", seconds=0.3) for one in found.rows}
    for path, sound in clean.items():
        noise = 0.01 * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
        audio.write(out / path, Clip(sound + noise, 16_000))
    return report.write(out, found, clean=clean, rate_hz=16_000).read_text(encoding="utf-8")


def test_those_that_fell_are_shown_first() -> None:
    rows = [row(0, success="no"), row(1), row(2, success="no"), row(3), row(4), row(5)]
    assert [one["path"][-5] for one in report.shown(rows)] == list("1345")
    assert [one["path"][-5] for one in report.shown(rows[:2])] == list("10")


def test_the_page_holds_figures_sounds_and_pictures_by_itself(tmp_path: Path) -> None:
    text = written(tmp_path, done(tmp_path, row(0), row(1, success="no")))
    for part in (percent(0.5), "unattacked, rounded to 16 bits", "Listen", "30", "verifier"):
        assert part in text
    assert text.count("<audio") == 4, "clean and changed, of two clips"
    assert text.count("data:image/png") == 2
    assert "The attack did nothing" not in text
    assert "Who else falls" not in text
    assert "attacked, bare model" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_what_stood_in_the_way_is_told_beside_the_bare_model(tmp_path: Path) -> None:
    text = written(tmp_path, done(tmp_path, row(0, defences="quantise:8", success="no")))
    assert "quantise:8" in text
    assert "attacked, bare model" in text
    assert "The attack did nothing" in text


def test_who_else_falls_has_a_table(tmp_path: Path) -> None:
    other = Transfer(
        title="other/7",
        path=tmp_path,
        about="no longer the same speaker",
        unattacked=Share(won=0, clips=4),
        attacked=Share(won=3, clips=4),
    )
    text = written(tmp_path, done(tmp_path, row(0), transfers=(other,)))
    for part in ("other/7", "no longer the same speaker", percent(0.75)):
        assert part in text


def test_names_of_files_and_people_are_text(tmp_path: Path) -> None:
    text = written(tmp_path, done(tmp_path, row(0, claim_speaker="<script>alert(1)</script>")))
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("rows", "said"), [(report.LISTED + 1, "The first 200 of 201"), (3, "all are in")]
)
def test_a_long_table_is_cut_and_says_so(tmp_path: Path, rows: int, said: str) -> None:
    many = [row(number) for number in range(rows)]
    (tmp_path / "wav").mkdir()
    text = report.write(tmp_path, done(tmp_path, *many), clean={}, rate_hz=16_000).read_text()
    assert said in text
    assert text.count("<tr>") <= report.LISTED + 20
