"""The circle of a plan as an SVG: stages as nodes, and what flows from one to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from sonant import page
from sonant.page import Html
from sonant.pipeline.plan import Plan, Stage
from sonant.pipeline.work import State

NODE: Final = (140, 44)
"""Width and height."""
APART: Final = (186, 80)
"""From one node to the next, where they lie beside each other and above; neither hides another so."""
LEAST: Final = (380, 260)
"""Radii of the ring of a few nodes."""
MARGIN: Final = 12
BEND: Final = 0.35
"""How far an arrow goes towards the middle, of the way there."""
COLOURS: Final[Mapping[State, tuple[str, str]]] = {
    "done": ("var(--good-soft)", "var(--good)"),
    "stands": ("var(--accent-soft)", "var(--accent)"),
    "would run": ("var(--warning-soft)", "var(--warning)"),
    "not run": ("var(--note-soft)", "var(--note)"),
}
"""Ground and ink of a node."""
WORDS: Final[Mapping[State, str]] = {
    "done": "run now",
    "stands": "skipped: nothing it depends on has changed",
    "would run": "would run",
    "not run": "not run",
}

Point = tuple[float, float]


def draw(plan: Plan, states: Mapping[str, State]) -> Html:
    """All stages clockwise from the top in the order they are worked, and an arrow for each input."""
    radii = _radii(len(plan.stages))
    middle = (radii[0] + NODE[0] / 2 + MARGIN, radii[1] + NODE[1] / 2 + MARGIN)
    at = _places(plan, middle=middle, radii=radii)
    arrows = [
        _arrow(
            at[name],
            at[stage.name],
            by=middle,
            what=f"{name} to {stage.name}: {plan[name].row.gives}",
        )
        for stage in plan.stages
        for name in stage.needs
    ]
    nodes = [_node(stage, at[stage.name], states[stage.name]) for stage in plan.stages]
    return Html(
        f'<svg viewBox="0 0 {2 * middle[0]:.0f} {2 * middle[1]:.0f}" role="img" '
        f'aria-label="Stages of {page.text(plan.name)}" '
        'font-family="system-ui, sans-serif">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="var(--soft)"/></marker></defs>'
        f"{''.join(arrows)}{''.join(nodes)}</svg>{_legend(states)}"
    )


def _radii(count: int) -> Point:
    """Across and down, of a ring wide enough for so many."""
    step = 2 * math.pi / max(count, 1)
    return max(APART[0] / step, LEAST[0]), max(APART[1] / step, LEAST[1])


def _places(plan: Plan, *, middle: Point, radii: Point) -> dict[str, Point]:
    """The middle of each node."""
    found = {}
    for number, stage in enumerate(plan.stages):
        angle = 2 * math.pi * number / len(plan.stages) - math.pi / 2
        found[stage.name] = (
            middle[0] + radii[0] * math.cos(angle),
            middle[1] + radii[1] * math.sin(angle),
        )
    return found


def _node(stage: Stage, at: Point, state: State) -> str:
    ground, ink = COLOURS[state]
    left, top = at[0] - NODE[0] / 2, at[1] - NODE[1] / 2
    return (
        f'<g data-state="{state}"><title>{page.text(stage.name)}: {WORDS[state]}</title>'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{NODE[0]}" height="{NODE[1]}" rx="8" '
        f'fill="{ground}" stroke="{ink}"/>'
        f'<text x="{at[0]:.1f}" y="{at[1] - 2:.1f}" text-anchor="middle" font-size="13" '
        f'font-weight="600" fill="var(--ink)">{page.text(stage.name)}</text>'
        f'<text x="{at[0]:.1f}" y="{at[1] + 14:.1f}" text-anchor="middle" font-size="11" '
        f'fill="{ink}">{page.text(stage.kind)}, round {stage.round}</text></g>'
    )


def _arrow(start: Point, end: Point, *, by: Point, what: str) -> str:
    half = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    bend = (half[0] + BEND * (by[0] - half[0]), half[1] + BEND * (by[1] - half[1]))
    first, last = _edge(start, bend), _edge(end, bend)
    return (
        f'<path d="M{first[0]:.1f} {first[1]:.1f}Q{bend[0]:.1f} {bend[1]:.1f} {last[0]:.1f} '
        f'{last[1]:.1f}" fill="none" stroke="var(--soft)" stroke-opacity="0.55" '
        f'marker-end="url(#tip)"><title>{page.text(what)}</title></path>'
    )


def _edge(node: Point, towards: Point) -> Point:
    """Where the line from a node's middle leaves its box."""
    across, down = towards[0] - node[0], towards[1] - node[1]
    reach = max(abs(across) / (NODE[0] / 2), abs(down) / (NODE[1] / 2), 1e-9)
    return node[0] + across / max(reach, 1.0), node[1] + down / max(reach, 1.0)


def _legend(states: Mapping[str, State]) -> str:
    tones: Mapping[State, page.Tone] = {"done": "good", "would run": "warning"}
    there = [state for state in COLOURS if state in states.values()]
    marks = (page.badge(WORDS[state], tone=tones.get(state, "note")) for state in there)
    return f"<p>{' '.join(marks)}</p>"
