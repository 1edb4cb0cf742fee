"""What torchvision's own networks look like and answer; see reference/make_torchvision.py."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

REFERENCE = Path(__file__).parent / "reference"


class Peer:
    """The stored truth, and the weights under which it was found."""

    def __init__(self) -> None:
        self.facts = json.loads((REFERENCE / "torchvision.json").read_text())
        with np.load(REFERENCE / "torchvision.npz") as arrays:
            self.arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.drawn: dict[str, dict[str, Tensor]] = {}
        self.seeded = runpy.run_path(str(REFERENCE / "make_torchvision.py"))["seeded"]

    def weights(self, name: str) -> dict[str, Tensor]:
        if name not in self.drawn:
            self.drawn[name] = {
                key: torch.from_numpy(self.seeded(key, tuple(shape)))
                for key, shape in self.facts[name]["tensors"].items()
            }
        return dict(self.drawn[name])

    def answer(self, network: nn.Module) -> Tensor:
        with torch.no_grad():
            logits: Tensor = network.eval()(self.arrays["features"])
        return logits


@pytest.fixture(scope="session")
def peer() -> Peer:
    return Peer()
