"""Curves of false rejects over false alarms."""

from __future__ import annotations

from sonant.plots import DARK, LIGHT
from sonant.plots.det import det

LINES = {"clear": [(90.0, 0.0), (3.0, 0.1), (0.0, 0.4)], "loud": [(200.0, 0.1), (0.0, 0.9)]}


def test_the_same_lines_give_the_same_picture_and_others_another() -> None:
    picture = det(LINES, marks={"clear": (3.0, 0.1)}, least=1.0)
    assert picture.startswith(b"\x89PNG")
    assert picture == det(LINES, marks={"clear": (3.0, 0.1)}, least=1.0, theme=LIGHT)
    assert picture != det(LINES, marks={"clear": (90.0, 0.0)}, least=1.0)
    assert picture != det(LINES, marks={"clear": (3.0, 0.1)}, least=1.0, theme=DARK)


def test_a_detector_that_never_errs_can_be_drawn() -> None:
    assert det({"all": [(0.0, 0.0), (0.0, 0.0)]}, marks={}, least=1.0).startswith(b"\x89PNG")
