"""The recipes in the package: where they lie and which one is meant when none is named. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "recipes"
"""One TOML file each."""
DEFAULT: Final = "commands-small"
"""The name of the one that is trained when none is named."""
STREAMING: Final = frozenset(
    (
        "att-mh-rnn",
        "bc-resnet-1-stream",
        "bc-resnet-3-stream",
        "crnn",
        "dnn",
        "ds-cnn",
        "ds-tc-resnet",
        "gru",
        "keyword-transformer-stream",
        "kws-cnn",
        "lstm",
        "mixednet",
        "svdf",
        "tc-resnet",
    )
)
"""Those whose models stream. Their type decides; this says it to those who have no torch."""
