"""The page: the circle with every stage and what flows, the figures by round, sounds to hear."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sonant import audio, pipeline
from sonant.audio import Clip
from sonant.pipeline import Plan, circle, report
from sonant.pipeline.kept import Kept
from sonant.pipeline.making import Made, Sound
from sonant.pipeline.work import State
from sounds import RATE_HZ, tone

Planned = Callable[..., Plan]
SVG = "{http://www.w3.org/2000/svg}"


def drawn(plan: Plan, states: dict[str, State]) -> ElementTree.Element:
    markup = circle.draw(plan, states).partition("</svg>")[0] + "</svg>"
    return ElementTree.fromstring(markup.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def test_the_circle_has_a_node_a_stage_and_an_arrow_an_input(planned: Planned) -> None:
    plan = planned()
    states: dict[str, State] = {
        "seed": "stands", "left": "stands", "right": "done", "end": "not run",
    }  # fmt: skip
    svg = drawn(plan, states)
    nodes = svg.findall(f"{SVG}g")
    assert [node.get("data-state") for node in nodes] == list(states.values())
    assert [node.findtext(f"{SVG}text") for node in nodes] == list(states)
    titles = [path.findtext(f"{SVG}title") for path in svg.findall(f"{SVG}path")]
    assert titles == [
        "seed to left: clips", "seed to right: clips", "left to end: clips", "right to end: clips",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [2, 9, 21, 40])
def test_no_node_lies_outside_the_picture_or_over_another(planned: Planned, count: int) -> None:
    fakes = {f"s{number}": {"word": "x"} for number in range(count - 4)}
    plan = planned(**fakes) if count > 4 else planned(left=None, right=None, end={"data": ["seed"]})
    svg = drawn(plan, {stage.name: "done" for stage in plan.stages})
    whole = [float(number) for number in str(svg.get("viewBox")).split()]
    boxes = [
        [float(rect.get(side) or "nan") for side in ("x", "y", "width", "height")]
        for rect in svg.iter(f"{SVG}rect")
    ]
    assert len(boxes) == count
    for number, (x, y, width, height) in enumerate(boxes):
        assert 0 <= x <= whole[2] - width
        assert 0 <= y <= whole[3] - height
        for left, top, _, _ in boxes[number + 1 :]:
            assert abs(left - x) >= width or abs(top - y) >= height


def test_the_page_has_the_figures_of_each_round_and_needs_nothing_else(
    planned: Planned, tmp_path: Path
) -> None:
    done = pipeline.run(planned(), out=tmp_path)
    html = done.report.read_text()
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == ["The circle", "Stages", "Before the first round", "Round 1", "Round 2"]
    assert not re.search(r'(src|href)="https?:', html)


def test_a_sound_is_drawn_and_played_and_one_that_is_gone_is_said_to_be(
    planned: Planned, tmp_path: Path
) -> None:
    there = audio.write(tmp_path / "there.wav", Clip(tone(440.0).numpy(), RATE_HZ))
    sounds = (
        Sound(title="one <that> is there", path=there, words="taken for him"),
        Sound(title="gone", path=tmp_path / "gone.wav"),
    )
    kept = Kept(key="", made=Made(path=there, sounds=sounds), files={}, took_s=1.5)
    states: dict[str, State] = dict.fromkeys(("seed", "left", "right", "end"), "not run")
    html = report.write(tmp_path, planned(), {"seed": kept}, states).read_text()
    assert html.count("<audio") == 1
    assert "one &lt;that&gt; is there" in html
    assert "seed: taken for him" in html
    assert ">gone</span>" in html


def test_what_came_of_it_stands_first_with_what_was_before_and_what_was_held_out(
    tmp_path: Path,
) -> None:
    plan = Plan.load("redteam-embedded")
    figures = {
        "pgd": {"test success before": 0.125, "test success": 0.875, "mean stoi": 0.9},
        "detector": {"eer": 0.05, "eer generator converted-vocoded": 0.4},
        "copies": {},
    }
    done = {
        name: Kept(key="", made=Made(path=tmp_path, figures=own), files={}, took_s=1.0)
        for name, own in figures.items()
    }
    states: dict[str, State] = {stage.name: "not run" for stage in plan.stages}
    html = report.write(tmp_path, plan, done, states).read_text()
    section = html.partition("What came of it</h2>")[2].partition("</section>")[0]
    rows = [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", section)
    ]
    assert [row[1:] for row in rows if row] == [
        ["pgd", "clips that won, unseen speakers", "0.125", "0.875"],
        ["detector", "equal error rate, unseen speakers", "", "0.050"],
        ["detector", "the same, generator converted-vocoded, never trained on", "", "0.400"],
    ]
