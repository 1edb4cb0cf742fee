"""The folder of a run: every file in it is named here, and written here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from sonant import whole_file
from sonant.errors import TrainingError


class RunFolder:
    """`recipe.toml`, `labels.txt`, `metrics.jsonl`, weights, pictures, the report and the bundle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.toml"
        self.labels = path / "labels.txt"
        self.summary = path / "model_summary.txt"
        self.metrics = path / "metrics.jsonl"
        self.best = path / "best.safetensors"
        self.last = path / "last.safetensors"
        self.checkpoint = path / "checkpoint.safetensors"
        self.curves = path / "curves.png"
        self.confusion = path / "confusion.png"
        self.report = path / "report.html"
        self.evaluation = path / "evaluation.json"
        self.tensorboard = path / "tensorboard"
        self.bundle = path / "bundle"

    def open(self, *, resume: bool) -> None:
        """Make the folder; raises `TrainingError` rather than mix two runs in one."""
        if self.path.exists() and not self.path.is_dir():
            raise TrainingError(f"{self.path}: is a file; give --out a folder")
        if self.recipe.exists() and not resume:
            raise TrainingError(
                f"{self.path}: holds a run already; go on with it with --resume, or give --out another folder"
            )
        self.path.mkdir(parents=True, exist_ok=True)

    def write_text(self, path: Path, text: str) -> None:
        """Write a file whole or not at all."""
        whole_file.write_text(path, text)

    def write_bytes(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all."""
        whole_file.write_bytes(path, content)

    def write_weights(self, path: Path, model: nn.Module) -> None:
        """Write the weights of a model whole or not at all."""
        tensors = {n: t.detach().cpu().clone().contiguous() for n, t in model.state_dict().items()}
        with whole_file.beside(path) as scratch:
            save_file(tensors, scratch)

    def history(self) -> list[dict[str, float]]:
        """The rows of `metrics.jsonl`, one an epoch."""
        if not self.metrics.exists():
            return []
        return [json.loads(line) for line in self.metrics.read_text().splitlines() if line]

    def write_history(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write `metrics.jsonl` anew, so that a killed run leaves no half line and no row too many."""
        self.write_text(self.metrics, "".join(f"{json.dumps(row)}\n" for row in rows))
