"""What is learned on other speakers: read again by its own run, never by another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from linear_victim import SAMPLES, Linear, clips
from sonant.attacking import learned
from sonant.attacking.cases import Case
from sonant.attacking.learned import generator, noise
from sonant.attacking.problems import Bench, Problem, stacked
from sonant.attacks import toolbox
from sonant.attacks.bounds import Bound
from sonant.attacks.objectives import Objective
from sonant.audio import Samples
from sonant.errors import ManifestError
from sonant.events import silent
from sonant.manifest import Item

BOUND = Bound(epsilon=0.05)
RATE_HZ = 100
"""So that lessons of two seconds are 200 samples."""
SOUNDS = clips(12, seed=5)[:, 0].numpy()
VICTIM = Linear()


def read(item: Item) -> Samples:
    return SOUNDS[int(item.path.stem)]


def lessons(*claims: str) -> tuple[Case, ...]:
    """Twelve clips that are to be taken for `a`."""
    names = claims or ("x",)
    return tuple(
        Case(
            number=n,
            item=Item(path=Path(f"{n}.wav")),
            answer="a",
            claim=Item(path=Path(names[n % len(names)])),
        )
        for n in range(len(SOUNDS))
    )


class Fake:
    """A bench whose model is linear; it keeps what it was asked for."""

    def __init__(self, task: str = "speakers") -> None:
        self.card = SimpleNamespace(task=task, audio=SimpleNamespace(rate_hz=RATE_HZ))
        self.device = torch.device("cpu")
        self.lengths: list[int] = []

    def problem(self, cases: Any, sounds: Any) -> Problem:
        self.lengths += [len(sound) for sound in sounds]
        clean, lengths = stacked(sounds)
        places = torch.zeros(len(cases), dtype=torch.long)
        return Problem(
            victim=VICTIM, cases=tuple(cases), clean=clean, lengths=lengths, places=places
        )


def wish(problem: Problem) -> Objective:
    return problem.objective


def trained(bench: Fake, path: Path, *, identity: str = "one", steps: int = 3) -> Any:
    return generator(
        cast("Bench", bench),
        lessons,
        wish=wish,
        bound=BOUND,
        steps=steps,
        seed=0,
        read=read,
        path=path,
        identity=identity,
        on_event=silent,
    )


def one_noise(bench: Fake, path: Path, *claims: str, identity: str = "one") -> Samples:
    return noise(
        cast("Bench", bench),
        lambda: lessons(*claims),
        bound=BOUND,
        rounds=1,
        read=read,
        path=path,
        identity=identity,
    )


def test_a_generator_learns_from_pieces_of_clips_of_speakers(tmp_path: Path) -> None:
    bench = Fake()
    made = trained(bench, tmp_path / "g.safetensors")
    assert set(bench.lengths) == {round(learned.LESSON_S * RATE_HZ)}
    clean = clips(4, seed=9)
    with torch.no_grad():
        changed = made(clean, BOUND)
    assert 0 < (changed - clean).abs().max() <= 0.05 + 1e-6


def test_and_from_whole_clips_of_words_which_have_one_length(tmp_path: Path) -> None:
    bench = Fake("keywords")
    trained(bench, tmp_path / "g.safetensors")
    assert set(bench.lengths) == {SAMPLES}


def test_a_finished_generator_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    first = trained(Fake(), path)
    bench = Fake()
    again = trained(bench, path)
    assert not bench.lengths, "nothing is learned twice"
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_one_noise_is_learned_once_and_again_for_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.Tensor] = []

    def universal(victim: object, clean: torch.Tensor, places: torch.Tensor, **_: object) -> Any:
        asked.append(places)
        return torch.full((1, 1, clean.shape[-1]), 0.05 * len(asked))

    monkeypatch.setattr(toolbox, "universal", universal)
    path = tmp_path / "universal.npz"
    first = one_noise(Fake(), path)
    np.testing.assert_array_equal(one_noise(Fake(), path), first)
    assert len(asked) == 1
    assert one_noise(Fake(), path, identity="two")[0] == pytest.approx(0.1)
    # Towards one answer is away from what the model says now: the library knows no other wish.
    assert torch.equal(asked[0], VICTIM.answers(torch.from_numpy(SOUNDS).unsqueeze(1)))


def test_one_noise_serves_no_two_claims(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="one noise cannot make clips unlike many speakers"):
        one_noise(Fake(), tmp_path / "universal.npz", "x", "y")


def test_sounds_for_one_noise_have_the_middle_length() -> None:
    found = learned._alike([np.arange(n, dtype=np.float32) for n in (2, 5, 9)])
    assert [one.tolist() for one in found] == [[0, 1, 0, 1, 0], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize(("start", "first"), [(0.0, 0), (0.5, 3), (0.999, 6)])
def test_pieces_lie_anywhere_inside_a_clip(start: float, first: int) -> None:
    sound = np.arange(10, dtype=np.float32)
    assert learned._cut(sound, 4, start).tolist() == [first, first + 1, first + 2, first + 3]
    assert learned._cut(sound, 20, start).tolist() == sound.tolist()
