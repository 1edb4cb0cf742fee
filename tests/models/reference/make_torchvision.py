"""Writes torchvision.json and torchvision.npz: what torchvision's own two networks look like and
answer.

python -m venv peer && peer/bin/pip install torch==2.6.0 torchvision==0.21.0 numpy peer/bin/python
make_torchvision.py

The weights are not stored: `seeded` draws them from a tensor's name and shape, and the test draws
the same. MT19937 through `RandomState` is frozen by numpy, so its numbers do not change between
versions.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
LABELS = 35


def seeded(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The tensor called `name`: of a size that keeps activations near 1 through many layers."""
    noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("running_var"):
        values = 1.0 + 0.5 * np.abs(noise)
    elif name.endswith(("running_mean", "bias", "num_batches_tracked")):
        values = 0.1 * noise
    elif len(shape) == 1:
        values = 1.0 + 0.1 * noise
    else:
        values = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    return np.asarray(values, np.float32)


def main() -> None:
    import torch
    import torchvision

    features = np.random.RandomState(0).standard_normal((2, 64, 32)).astype(np.float32)
    arrays = {"features": features}
    facts: dict[str, object] = {"torchvision": torchvision.__version__, "torch": torch.__version__}
    for name in ("resnet18", "mobilenet_v3_small"):
        network = getattr(torchvision.models, name)(num_classes=LABELS).eval()
        state = network.state_dict()
        network.load_state_dict(
            {key: torch.from_numpy(seeded(key, tuple(value.shape))) for key, value in state.items()}
        )
        image = torch.from_numpy(features).unsqueeze(1).repeat(1, 3, 1, 1)
        with torch.no_grad():
            arrays[name] = network(image).numpy()
        facts[name] = {
            "parameters": sum(weight.numel() for weight in network.parameters()),
            "tensors": {key: list(value.shape) for key, value in state.items()},
        }
    np.savez_compressed(HERE / "torchvision.npz", **arrays)
    (HERE / "torchvision.json").write_text(json.dumps(facts, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
