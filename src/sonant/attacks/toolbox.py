"""Attacks of the adversarial-robustness-toolbox on sounds of any length.

That library knows batches of one shape, class logits and numpy. Here clips of one length are handed over
together, a victim's scores are its logits, and what comes back is brought inside the bound. Each attack
takes clips [batch, 1, samples] and the places of answers [batch] in `victim.names`: those wanted where it
is `targeted`, else those to get away from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final, TypeAlias, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.attacks.bounds import FULL_SCALE, Bound
from sonant.attacks.victims import Victim
from sonant.errors import MissingExtra, SonantError

Attack: TypeAlias = Callable[[Any], Any]
"""A classifier of the library -> one of its attacks."""
SHARPNESS: Final = 20.0
"""What scores are multiplied by: cosines lie close together, and losses of logits are flat there."""
BATCH: Final = 16


def fast_gradient(
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    *,
    bound: Bound,
    targeted: bool,
    lengths: Tensor | None = None,
) -> Tensor:
    """One step of epsilon along the signs of the loss' gradient: `FastGradientMethod`."""
    epsilon = _epsilon(bound)

    def make(model: Any) -> Any:
        kind = _evasion("FastGradientMethod")
        return kind(model, eps=epsilon, targeted=targeted, batch_size=BATCH)

    return _attacked(make, victim, clean, places, bound, targeted, lengths)


def projected_gradient(
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    *,
    bound: Bound,
    targeted: bool,
    lengths: Tensor | None = None,
    steps: int = 20,
) -> Tensor:
    """Many small steps: `ProjectedGradientDescentPyTorch`."""
    epsilon = _epsilon(bound)

    def make(model: Any) -> Any:
        return _evasion("ProjectedGradientDescentPyTorch")(
            model,
            eps=epsilon,
            eps_step=2.5 * epsilon / steps,
            max_iter=steps,
            targeted=targeted,
            batch_size=BATCH,
            verbose=False,
        )

    return _attacked(make, victim, clean, places, bound, targeted, lengths)


def carlini_wagner(
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    *,
    bound: Bound,
    targeted: bool,
    lengths: Tensor | None = None,
    steps: int = 50,
    rate: float = 0.002,
) -> Tensor:
    """The change of least energy that does it: `CarliniL2Method`."""

    def make(model: Any) -> Any:
        return _evasion("CarliniL2Method")(
            model,
            learning_rate=rate,
            max_iter=steps,
            binary_search_steps=4,
            targeted=targeted,
            batch_size=BATCH,
            verbose=False,
        )

    return _attacked(make, victim, clean, places, bound, targeted, lengths)


def hop_skip_jump(
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    *,
    bound: Bound,
    targeted: bool,
    lengths: Tensor | None = None,
    steps: int = 10,
    queries: int = 1000,
    beginning: Tensor | None = None,
) -> Tensor:
    """By answers alone, without scores: `HopSkipJump`.

    `beginning` [batch, 1, samples] are sounds that get the wanted answer already, which a targeted attack
    needs; `queries` bounds those of one step.
    """
    if targeted and beginning is None:
        raise SonantError(
            "a targeted attack by answers alone begins with sounds that get the answer: give them"
        )

    def make(model: Any) -> Any:
        return _evasion("HopSkipJump")(
            model,
            max_iter=steps,
            max_eval=queries,
            init_eval=min(100, queries),
            targeted=targeted,
            verbose=False,
        )

    return _attacked(make, victim, clean, places, bound, targeted, lengths, beginning)


def universal(
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    *,
    bound: Bound,
    rounds: int = 5,
) -> Tensor:
    """One noise for all clips, away from the answers at `places`: `UniversalPerturbation`.

    All clips have one length; returns the noise [1, 1, samples], of at most epsilon.
    """
    epsilon = _epsilon(bound)
    model = _classifier(victim, clean.shape[-1])
    kind = _evasion("UniversalPerturbation")
    attack = kind(
        model,
        attacker="pgd",
        attacker_params={"eps": epsilon, "eps_step": epsilon / 4, "max_iter": 5, "verbose": False},
        eps=epsilon,
        max_iter=rounds,
        batch_size=BATCH,
        verbose=False,
    )
    attack.generate(_numpy(clean), y=_one_hot(places, victim))
    noise = torch.from_numpy(np.asarray(attack.noise, np.float32)).to(clean)
    return noise.reshape(1, 1, -1).clamp(-epsilon, epsilon)


@final
class _Logits(nn.Module):
    """A victim as the library wants it: any float type in, sharp logits out."""

    def __init__(self, victim: Victim) -> None:
        super().__init__()
        self.victim = victim

    def forward(self, samples: Tensor) -> Tensor:
        scores: Tensor = self.victim(samples.float())
        return SHARPNESS * scores


def _attacked(
    make: Attack,
    victim: Victim,
    clean: Tensor,
    places: Tensor,
    bound: Bound,
    targeted: bool,
    lengths: Tensor | None,
    beginning: Tensor | None = None,
) -> Tensor:
    """Clips of each length by themselves, and all inside the bound."""
    changed = clean.clone()
    for length, rows in _by_length(clean, lengths):
        part = clean[rows, :, :length]
        attack = make(_classifier(victim, length))
        begun = {} if beginning is None else {"x_adv_init": _numpy(beginning[rows, :, :length])}
        labels = _one_hot(places[rows], victim)
        found = attack.generate(_numpy(part), y=labels, **begun)
        changed[rows, :, :length] = torch.from_numpy(np.asarray(found, np.float32)).to(clean)
    return bound.inside(changed, clean, lengths)


def _by_length(clean: Tensor, lengths: Tensor | None) -> Iterator[tuple[int, Tensor]]:
    """Each length with the rows of its clips."""
    if lengths is None:
        yield clean.shape[-1], torch.arange(len(clean))
        return
    for length in sorted(set(lengths.tolist())):
        yield length, (lengths == length).nonzero().flatten().cpu()


def _classifier(victim: Victim, samples: int) -> Any:
    device = next(victim.parameters(), torch.zeros(0)).device
    kind = _library("art.estimators.classification").PyTorchClassifier
    return kind(
        model=_Logits(victim),
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, samples),
        nb_classes=len(victim.names),
        clip_values=(-FULL_SCALE, FULL_SCALE),
        device_type="gpu" if device.type == "cuda" else "cpu",
    )


def _evasion(name: str) -> Any:
    return getattr(_library("art.attacks.evasion"), name)


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            "adversarial-robustness-toolbox", extra="attack", purpose="this attack"
        ) from error


def _epsilon(bound: Bound) -> float:
    if bound.epsilon is None:
        raise SonantError("this attack moves each sample by up to epsilon: give the bound one")
    return bound.epsilon


def _numpy(samples: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = samples.detach().cpu().numpy().astype(np.float32)
    return found


def _one_hot(places: Tensor, victim: Victim) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = np.eye(len(victim.names), dtype=np.float32)[places.cpu().numpy()]
    return rows
