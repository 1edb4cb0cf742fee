"""One process runs every module in turn: the whole circle on words this machine speaks itself."""

from __future__ import annotations

import json
from pathlib import Path

from sonant import pipeline
from sonant.pipeline import Plan
from sonant.pipeline.stages import STAGES


def test_the_embedded_circle_runs_to_its_report_in_one_process(tmp_path: Path) -> None:
    plan = Plan.load("redteam-embedded")
    assert {stage.kind for stage in plan.stages} == STAGES.keys() - {"clips"}
    done = pipeline.run(plan, out=tmp_path / "run", device="cpu")
    assert done.ran == tuple(stage.name for stage in plan.stages)
    found = done.figures
    assert found["pgd"]["test success"] > found["pgd"]["test success before"]
    assert 0 <= found["tandem"]["both SASV-EER"] <= 1
    assert found["detector"]["eer generator converted"] < 0.4
    held_out = {"eer generator converted-vocoded", "eer vocoder vocoder"}
    assert held_out <= found["detector"].keys(), "never trained on, and reported by themselves"
    assert "eer attack room" in found["detector"], "bona fide speech in the rooms of replays"
    assert found["spoofs"]["test spoof"] > found["spoofs"]["validation spoof"]
    html = done.report.read_text()
    assert html.count("<audio") > 8
    assert html.count('data-state="done"') == len(plan.stages)
    assert json.loads(done.summary.read_text())["missing"] == []
    assert pipeline.run(plan, out=tmp_path / "run", device="cpu").ran == ()
