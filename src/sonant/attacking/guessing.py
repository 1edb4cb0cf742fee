"""The first part of FAKEBOB: from which score on a verifier says yes, found without being told."""

from __future__ import annotations

import json
from typing import Final

import numpy as np

from sonant import whole_file
from sonant.attacking.cases import Plan
from sonant.attacking.methods import Setting
from sonant.attacking.problems import stacked
from sonant.attacks.black_box import threshold_of
from sonant.attacks.oracle import Oracle
from sonant.events import Note, OnEvent

FILE: Final = "threshold.json"
METHOD: Final = "fakebob"
TRIED: Final = 32
"""Clips among which the one to begin from is chosen."""


def threshold(setting: Setting, plan: Plan, method: str, *, on_event: OnEvent) -> float | None:
    """The cosine from which on the victim accepts, as an outsider finds it; None where it was not found.

    Also None for other methods, goals without a threshold between, and an attack on refusal, which begins
    above it. What was found once stays in the folder.
    """
    if method != METHOD or not plan.by_threshold or plan.threshold is None:
        return None
    if plan.goal == "reject":
        return None
    file = setting.folder / FILE
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["identity"] == setting.identity:
            return None if kept["guessed"] is None else float(kept["guessed"])
    found = _found(setting, plan)
    values = {"identity": setting.identity, "guessed": found, "true": plan.threshold}
    whole_file.write_text(file, json.dumps(values) + "\n")
    said = "not found within the queries" if found is None else f"{found:.4f}"
    on_event(
        Note(f"threshold as guessed from scores: {said}; the true one is {plan.threshold:.4f}")
    )
    return found


def _found(setting: Setting, plan: Plan) -> float | None:
    """By the clip that scores highest of those that are not accepted as they are."""
    cases = plan.cases[:TRIED]
    scores = setting.judge.margins(cases, [setting.read(case.item) for case in cases])
    if scores.min() > 0:
        return None
    best = int(np.where(scores > 0, -np.inf, scores).argmax())
    oracle = Oracle(setting.judge.ask(cases[best]), budget=setting.queries)
    clean, _ = stacked([setting.read(cases[best].item)])
    above = threshold_of(oracle, clean, seed=setting.seed)
    if above is None:
        return None
    assert plan.threshold is not None
    # A margin counts from the threshold, and twice: the other answer falls by as much as this one rises.
    share = 2 if plan.kind == "verifier" else 1
    return plan.threshold + above / share
