"""The loop of AdvGAN: a generator learns to get past a victim, a critic to hear that it was there.

What a step sees follows from its number alone, so a run that was stopped and resumed gives the same
generator to the bit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from sonant.attacks.advgan import AdvGanConfig, Critic, Generator
from sonant.attacks.bounds import LEAST_NORM, Bound, norm
from sonant.attacks.objectives import Objective
from sonant.errors import Interrupted, TrainingError
from sonant.events import OnEvent, Stepped, silent
from sonant.training import checkpoint
from sonant.training.checkpoint import Progress, State
from sonant.training.loop import CHECKPOINT_SECONDS
from sonant.training.stopping import signals_to, step_seed

RATES: Final = ((0.5, 1.0), (0.8, 0.1), (1.0, 0.01))
"""Up to which share of the steps which share of the rate is used, as the paper's code does."""


class Example(NamedTuple):
    """What one step learns from."""

    clean: Tensor
    """[batch, 1, samples]."""
    lengths: Tensor | None
    """[batch] in samples; None: all are whole."""
    objective: Objective
    """What the attacker wants of these clips."""


Examples: TypeAlias = Callable[[int], Example]
"""The number of a step -> what it learns from, whatever came before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvGanFit:
    """How the generator learns."""

    steps: int = 1000
    rate: float = 1e-3
    """First learning rate of both players; it falls to a tenth half-way, to a hundredth near the end."""
    margin: float = 0.1
    """How far above zero the objective is still worth raising, in units of the victim's scores."""
    wish_weight: float = 10.0
    """Of what the attacker wants, against seeming untouched."""
    quiet_weight: float = 1.0
    """Of staying quieter than `quiet_db`."""
    quiet_db: float = 25.0
    """Speech against noise; noise below costs nothing. The bound holds whatever this says."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rate <= 0 or min(self.wish_weight, self.quiet_weight) < 0:
            raise TrainingError("steps and rate are above 0, weights not below")


class AdvGanRun:
    """A run: two players, an optimiser for each, and where they stand."""

    def __init__(
        self,
        config: AdvGanConfig,
        fit: AdvGanFit,
        examples: Examples,
        *,
        bound: Bound,
        rate_hz: int,
        identity: str,
        device: torch.device | None = None,
        on_event: OnEvent = silent,
    ) -> None:
        """`identity` names victim, data and settings: a checkpoint is taken up by its own run alone."""
        self.fit, self.examples, self.bound, self.on_event = fit, examples, bound, on_event
        torch.manual_seed(fit.seed)
        self.generator = Generator(config, rate_hz=rate_hz).to(device)
        self.critic = Critic(config).to(device)
        self.making = torch.optim.Adam(self.generator.parameters(), lr=fit.rate)
        self.hearing = torch.optim.Adam(self.critic.parameters(), lr=fit.rate)
        self.progress = Progress()
        self.state = State(
            model=self.generator,
            task=self.critic,
            optimizer=self.making,
            average=None,
            progress=self.progress,
            identity={"run": identity},
            others={"critic": self.hearing},
        )
        self.stop = threading.Event()

    def run(self, path: Path) -> Generator:
        """Train to the end from where the checkpoint at `path` stands, if it does; it stays there.

        Raises `Interrupted` after Ctrl-C, with all saved, and `TrainingError` where the losses are no
        numbers or the checkpoint is of another run.
        """
        if path.exists():
            checkpoint.restore(self.state, path)
        saved_at = time.monotonic()
        with signals_to(self.stop, insist=True):
            while self.progress.step < self.fit.steps:
                self.step(self.progress.step)
                self.progress.step += 1
                self._tell()
                if self.stop.is_set():
                    checkpoint.save(self.state, path)
                    raise Interrupted(
                        f"stopped after step {self.progress.step} of {self.fit.steps}; all is saved in "
                        f"{path}: the same command goes on from there"
                    )
                if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                    checkpoint.save(self.state, path)
                    saved_at = time.monotonic()
        checkpoint.save(self.state, path)
        return self.generator.eval()

    def step(self, number: int) -> None:
        """Let the critic hear, then let the generator answer."""
        torch.manual_seed(step_seed(self.fit.seed, number))
        share = next(part for until, part in RATES if number < until * self.fit.steps)
        for optimizer in (self.making, self.hearing):
            for group in optimizer.param_groups:
                group["lr"] = self.fit.rate * share
        clean, lengths, objective = self.examples(number)
        changed = self.generator(clean, self.bound, lengths)
        judgement = _least_squares(self.critic(clean), 1.0) + _least_squares(
            self.critic(changed.detach()), 0.0
        )
        _update(judgement, self.hearing)
        loss = self.wish(objective(changed), clean, changed)
        if not bool(loss.isfinite()):
            raise TrainingError(
                f"the loss of step {number + 1} is {loss.item()}: take a smaller rate than {self.fit.rate}"
            )
        _update(loss, self.making)
        self.progress.loss_sum += loss.item()
        self.progress.right += float((objective(changed.detach()).detach() > 0).float().mean())

    def wish(self, reached: Tensor, clean: Tensor, changed: Tensor) -> Tensor:
        """What the generator lowers: wishes unfulfilled, noise too loud, and being heard."""
        fit = self.fit
        unfulfilled = F.relu(fit.margin - reached).mean()
        loud = F.relu(fit.quiet_db - _snr_db(clean, changed)).mean() / 10
        heard = _least_squares(self.critic(changed), 1.0)
        return fit.wish_weight * unfulfilled + fit.quiet_weight * loud + heard

    def _tell(self) -> None:
        step = self.progress.step
        mean = self.progress.loss_sum / step
        self.on_event(Stepped(epoch=1, epochs=1, step=step, steps=self.fit.steps, loss=mean))


def _snr_db(clean: Tensor, changed: Tensor) -> Tensor:
    """Speech against noise [batch], and a number where either is silence, of which nothing can be learned."""
    speech, noise = (norm(sound).clamp_min(LEAST_NORM) for sound in (clean, changed - clean))
    return (20 * torch.log10(speech / noise)).flatten()


def _least_squares(scores: Tensor, wanted: float) -> Tensor:
    return ((scores - wanted) ** 2).mean()


def _update(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
