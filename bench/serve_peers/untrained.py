"""Writes the bundle that bench/serve.py serves, untrained: untrained.py FOLDER RECIPE [key=value ...].

Prints where it is. Weights do not change what a request costs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from sonant import bundle
from sonant.nn.summary import summarise
from sonant.recipe import Recipe

LABELS = (
    "down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "_silence_", "_unknown_",
)  # fmt: skip
CLIPS = 8


def main(folder: Path, recipe: Recipe) -> None:
    """Build, adapt the front end to some noise, save."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = bundle.build_classifier(recipe, LABELS).eval()
    draw = np.random.default_rng(0)
    clips = (0.1 * draw.standard_normal((CLIPS, recipe.data.samples))).astype(np.float32)
    heard = torch.from_numpy(clips)
    model.front_end.adapt([heard.unsqueeze(1)])
    summary = summarise(model, heard[:1], clip_s=recipe.data.samples / recipe.data.rate_hz)
    made = bundle.save(
        bundle.Contents(
            recipe=recipe,
            labels=LABELS,
            model=model,
            clips=clips,
            parameters=summary.parameters,
            macs_per_second=summary.macs_per_second,
        ),
        folder,
    )
    print(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Recipe.load(sys.argv[2], sys.argv[3:]))
