"""The loop of AdvGAN: it gets past a victim in one pass, and a stop in between changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from linear_victim import Linear, clips
from sonant.attacks.advgan import AdvGanConfig
from sonant.attacks.bounds import Bound, snr_db
from sonant.attacks.objectives import towards
from sonant.errors import Interrupted, TrainingError
from sonant.events import Event, Stepped
from sonant.training.advgan import AdvGanFit, AdvGanRun, Example

SMALL = AdvGanConfig(channels=(8, 8), blocks=1)
BOUND = Bound(epsilon=0.05, snr_db=5.0)
VICTIM = Linear(answers=2)


def example(step: int) -> Example:
    clean = clips(8, seed=step % 16)
    return Example(clean, None, towards(VICTIM, torch.zeros(8, dtype=torch.long)))


def run(steps: int, identity: str = "linear", **watching: object) -> AdvGanRun:
    return AdvGanRun(
        SMALL,
        AdvGanFit(steps=steps, rate=3e-3, quiet_db=10.0),
        example,
        bound=BOUND,
        rate_hz=16_000,
        identity=identity,
        **watching,  # type: ignore[arg-type]
    )


def test_unheard_clips_get_past_the_victim_in_one_pass(tmp_path: Path) -> None:
    generator = run(60).run(tmp_path / "run.safetensors")
    clean = clips(32, seed=99)
    with torch.no_grad():
        changed = generator(clean, BOUND)
    before = (VICTIM.answers(clean) == 0).float().mean()
    after = (VICTIM.answers(changed) == 0).float().mean()
    assert before < 0.7
    assert after > 0.9
    assert (snr_db(clean, changed) >= 5.0 - 1e-3).all()


def test_a_stop_in_between_changes_nothing(tmp_path: Path) -> None:
    whole = run(6).run(tmp_path / "whole.safetensors")

    def stop_at_three(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 3:
            halved.stop.set()

    path = tmp_path / "halved.safetensors"
    halved = run(6, on_event=stop_at_three)
    with pytest.raises(Interrupted, match="stopped after step 3 of 6"):
        halved.run(path)
    resumed = run(6).run(path)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_another_run_does_not_take_it_up(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run(1).run(path)
    with pytest.raises(TrainingError, match="begun with another run"):
        run(1, identity="another").run(path)


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    spoiled = run(2)
    spoiled.examples = lambda step: example(step)._replace(objective=lambda x: x.sum((1, 2)) / 0)
    with pytest.raises(TrainingError, match="smaller rate"):
        spoiled.run(tmp_path / "run.safetensors")
