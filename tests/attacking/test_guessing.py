"""From which score on a verifier says yes, as one finds it who is told nothing but scores and answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from linear_victim import Linear, clips
from sonant.attacking import guessing
from sonant.attacking.cases import Case, Plan
from sonant.attacking.methods import Setting
from sonant.attacks import black_box
from sonant.attacks.black_box import Guessing
from sonant.attacks.oracle import Answers
from sonant.events import Event, Note, silent
from sonant.manifest import Item

TRUE = 0.5
"""The cosine that is to be found."""
SCALE = 20.0
"""Products of the linear victim are about so many times a cosine."""
SOUNDS = clips(3, seed=2)[:, 0].numpy()
CASES = tuple(
    Case(number=n, item=Item(path=Path(f"{n}.wav")), answer="the claimed speaker") for n in range(3)
)


class Judge:
    """Margins as a verifier has them: how far the cosine is above the threshold, twice."""

    def __init__(self, *, above: float = 0.0) -> None:
        self.above, self.asked = above, 0

    def _margins(self, samples: Tensor) -> Tensor:
        self.asked += len(samples)
        return 2 * (Linear()(samples)[:, 0] / SCALE - TRUE) + self.above

    def margins(self, cases: Sequence[Case], sounds: Sequence[Any]) -> Any:
        return self._margins(torch.from_numpy(np.stack(sounds)).unsqueeze(1)).numpy()

    def ask(self, case: Case) -> Any:
        def answers(samples: Tensor) -> Answers:
            found = self._margins(samples)
            return Answers(found, found > 0)

        return answers


def setting(folder: Path, judge: Judge, *, queries: int = 20_000, identity: str = "one") -> Setting:
    found = SimpleNamespace(
        judge=judge,
        folder=folder,
        identity=identity,
        queries=queries,
        seed=0,
        read=lambda item: SOUNDS[int(item.path.stem)],
    )
    return cast("Setting", found)


def plan(**said: Any) -> Plan:
    values = {"kind": "verifier", "goal": "accept", "threshold": TRUE, **said}
    return Plan(cases=CASES, names=("another speaker", "the claimed speaker"), **values)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that suit clips of 400 samples."""
    steps = Guessing(samples=20, rate=0.005, steps=60)
    monkeypatch.setattr(black_box, "Guessing", lambda: steps)


def test_it_is_found_to_within_a_step_and_said(tmp_path: Path) -> None:
    notes: list[Event] = []
    found = guessing.threshold(setting(tmp_path, Judge()), plan(), "fakebob", on_event=notes.append)
    longest_step = 0.005 * float(Linear().patterns[0].abs().sum()) / SCALE
    assert found is not None
    assert TRUE < found < TRUE + longest_step
    assert [note.text for note in notes if isinstance(note, Note)] == [
        f"threshold as guessed from scores: {found:.4f}; the true one is 0.5000"
    ]
    kept = json.loads((tmp_path / guessing.FILE).read_text())
    assert (kept["guessed"], kept["true"]) == (found, TRUE)


def test_it_is_found_once_for_the_same_settings(tmp_path: Path) -> None:
    first = guessing.threshold(setting(tmp_path, Judge()), plan(), "fakebob", on_event=silent)
    unasked = Judge()
    again = guessing.threshold(setting(tmp_path, unasked), plan(), "fakebob", on_event=silent)
    assert (again, unasked.asked) == (first, 0)
    other = Judge()
    guessing.threshold(setting(tmp_path, other, identity="two"), plan(), "fakebob", on_event=silent)
    assert other.asked > 0


def test_too_few_queries_find_none_and_that_is_kept_as_well(tmp_path: Path) -> None:
    notes: list[Event] = []
    few = setting(tmp_path, Judge(), queries=30)
    assert guessing.threshold(few, plan(), "fakebob", on_event=notes.append) is None
    assert any("not found within the queries" in str(note) for note in notes)
    unasked = Judge()
    kept = setting(tmp_path, unasked)
    assert guessing.threshold(kept, plan(), "fakebob", on_event=silent) is None
    assert unasked.asked == 0


def test_where_everybody_is_accepted_there_is_nothing_to_begin_from(tmp_path: Path) -> None:
    open_door = Judge(above=10.0)
    found = guessing.threshold(setting(tmp_path, open_door), plan(), "fakebob", on_event=silent)
    assert (found, open_door.asked) == (None, len(CASES))


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ({}, "pgd"),
        ({"goal": "reject"}, "fakebob"),
        ({"kind": "identifier"}, "fakebob"),
        ({"threshold": None}, "fakebob"),
    ],
)
def test_nobody_asks_where_there_is_no_such_threshold(
    tmp_path: Path, said: dict[str, Any], method: str
) -> None:
    judge = Judge()
    found = guessing.threshold(setting(tmp_path, judge), plan(**said), method, on_event=silent)
    assert (found, judge.asked) == (None, 0)
    assert not (tmp_path / guessing.FILE).exists()
