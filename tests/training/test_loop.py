"""A run: it learns, resumes to the bit, stops cleanly, refuses nonsense, and writes what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from sonant import training
from sonant.data.batches import Batch
from sonant.errors import ExportError, Interrupted, TrainingError
from sonant.events import EpochDone, Event, Stepped
from sonant.export import onnx
from sonant.manifest import Manifest
from sonant.models.spectrogram_cnn import SpectrogramCNN
from sonant.recipe import Recipe
from sonant.training import loop, rehearsal
from words import SMALL, spoken_words

EPOCHS = 3


def small(**fit: object) -> Recipe:
    """A recipe that trains in a moment; `fit` changes its fit settings."""
    overrides = [f"fit.{name}={json.dumps(value)}" for name, value in fit.items()]
    return Recipe.load(SMALL, [f"fit.epochs={EPOCHS}", *overrides])


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(folder / f"{name}.safetensors")


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_a_run_learns_and_leaves_its_folder(words: Manifest, tmp_path: Path) -> None:
    events: list[Event] = []
    fitted = training.fit(small(epochs=6), words, out=tmp_path / "run", on_event=events.append)
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    assert rows == fitted.folder.history()
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert max(row["validation_accuracy"] for row in rows) > 0.9
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "recipe.toml", "labels.txt", "model_summary.txt", "metrics.jsonl", "best.safetensors",
        "last.safetensors", "checkpoint.safetensors", "curves.png", "tensorboard", "bundle",
    }  # fmt: skip
    assert (tmp_path / "run" / "labels.txt").read_text().split() == ["high", "low", "noise"]
    assert Recipe.load(tmp_path / "run" / "recipe.toml") == small(epochs=6)
    assert "MACs" in (tmp_path / "run" / "model_summary.txt").read_text()
    assert any((tmp_path / "run" / "tensorboard").iterdir())


def test_the_bundle_holds_the_best_epoch_not_the_last(words: Manifest, tmp_path: Path) -> None:
    # A rate that ruins the weights after the first steps: later epochs are worse.
    schedule = {"kind": "piecewise", "rates": [0.003, 3.0], "steps": [24, 1]}
    overrides = ["fit.schedule.kind=piecewise", f"fit.schedule.rates={schedule['rates']}",
                 f"fit.schedule.steps={schedule['steps']}"]  # fmt: skip
    recipe = Recipe.load(SMALL, ["fit.epochs=4", *overrides])
    fitted = training.fit(recipe, words, out=tmp_path / "run", rehearsal=False)
    assert fitted.best_epoch < 4
    assert fitted.bundle is not None
    assert_equal(
        load_file(fitted.bundle / "weights.safetensors"), weights(tmp_path / "run", "best")
    )
    worse = weights(tmp_path / "run", "last")
    assert any(
        not torch.equal(worse[name], tensor)
        for name, tensor in weights(tmp_path / "run", "best").items()
    )


def test_two_runs_are_the_same_run(words: Manifest, tmp_path: Path) -> None:
    for name in ("one", "other"):
        training.fit(small(epochs=1), words, out=tmp_path / name, rehearsal=name == "one")
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "other"))


@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.9, "optimizer": "sgd"}])
def test_stopped_in_the_middle_and_resumed_is_the_same_to_the_bit(
    words: Manifest, tmp_path: Path, changes: dict[str, object]
) -> None:
    recipe = small(**changes)
    training.fit(recipe, words, out=tmp_path / "whole", rehearsal=False)

    def stop(event: Event) -> None:
        if isinstance(event, Stepped) and (event.epoch, event.step) == (2, 2):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="--resume"):
        training.fit(recipe, words, out=tmp_path / "cut", rehearsal=False, on_event=stop)
    fitted = training.fit(recipe, words, out=tmp_path / "cut", resume=True)
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    kept = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    whole = [
        json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    ]
    for one, other in zip(whole, fitted.folder.history(), strict=True):
        assert {name: one[name] for name in kept} == {name: other[name] for name in kept}


def test_the_seconds_of_an_epoch_are_those_of_all_its_parts(
    words: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def tick(event: Event) -> None:
        clock.now += isinstance(event, Stepped)

    def stop(event: Event) -> None:
        tick(event)
        if isinstance(event, Stepped) and (event.epoch, event.step) == (2, 2):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        training.fit(small(), words, out=tmp_path / "run", rehearsal=False, on_event=stop)
    fitted = training.fit(small(), words, out=tmp_path / "run", resume=True, on_event=tick)
    rows = fitted.folder.history()
    steps = 7  # 42 clips, 6 a step: a second each
    assert [row["seconds"] for row in rows] == [steps] * EPOCHS
    assert [row["clips_per_second"] for row in rows] == [6.0] * EPOCHS


def test_killed_and_resumed_is_the_same_to_the_bit(words: Manifest, tmp_path: Path) -> None:
    table = words.save(tmp_path / "words.csv")
    recipe = tmp_path / "small.toml"
    recipe.write_text(small().to_toml())
    training.fit(small(), Manifest.load(table), out=tmp_path / "whole", rehearsal=False)
    program = "\n".join(
        [
            "import os, signal",
            "from pathlib import Path",
            "from sonant import training",
            "from sonant.events import Stepped",
            "from sonant.manifest import Manifest",
            "from sonant.recipe import Recipe",
            "def die(event):",
            "    if isinstance(event, Stepped) and (event.epoch, event.step) == (2, 3):",
            "        os.kill(os.getpid(), signal.SIGKILL)",
            f"training.fit(Recipe.load({str(recipe)!r}), Manifest.load(Path({str(table)!r})), "
            f"out=Path({str(tmp_path / 'cut')!r}), rehearsal=False, on_event=die)",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    training.fit(small(), Manifest.load(table), out=tmp_path / "cut", resume=True)
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_a_finished_run_resumed_keeps_its_bundle(words: Manifest, tmp_path: Path) -> None:
    first = training.fit(small(epochs=1), words, out=tmp_path / "run", rehearsal=False)
    again = training.fit(small(epochs=1), words, out=tmp_path / "run", resume=True)
    assert again.bundle == first.bundle


def test_a_run_is_not_mixed_with_another(words: Manifest, tmp_path: Path) -> None:
    training.fit(small(epochs=1), words, out=tmp_path / "run", rehearsal=False)
    with pytest.raises(TrainingError, match="holds a run already"):
        training.fit(small(epochs=1), words, out=tmp_path / "run")
    with pytest.raises(TrainingError, match="another recipe"):
        training.fit(small(epochs=2), words, out=tmp_path / "run", resume=True)
    fewer = Manifest(items=words.items[3:], name=words.name)
    with pytest.raises(TrainingError, match="another data"):
        training.fit(small(epochs=1), fewer, out=tmp_path / "run", resume=True)


def test_patience_ends_a_run_that_no_longer_improves(words: Manifest, tmp_path: Path) -> None:
    recipe = small(epochs=9, patience=2, learning_rate=1e-9, monitor="accuracy")
    fitted = training.fit(recipe, words, out=tmp_path / "run", rehearsal=False)
    assert fitted.epochs < 9
    assert fitted.epochs - fitted.best_epoch == 2


def test_a_loss_that_is_no_number_stops_with_the_clips_that_made_it(
    words: Manifest, tmp_path: Path
) -> None:
    recipe = small(learning_rate=1e30, precision="fp32")
    with pytest.raises(TrainingError, match="the loss became") as raised:
        training.fit(recipe, words, out=tmp_path / "run", rehearsal=False)
    evidence = json.loads((tmp_path / "run" / "bad_batch_rank0.json").read_text())
    assert evidence["clips"][0] in str(raised.value)
    assert len(evidence["clips"]) == recipe.fit.batch
    assert "learning_rate" in str(raised.value)


def test_weights_that_a_last_gradient_spoiled_never_reach_a_checkpoint(
    words: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop.Loop._step

    def spoiled(self: loop.Loop, batch: Batch) -> None:
        step(self, batch)
        if (self.progress.epoch, self.progress.step) == (1, 6):
            next(self.model.parameters()).data.fill_(torch.inf)

    monkeypatch.setattr(loop.Loop, "_step", spoiled)
    trained = Manifest(items=words.where(split="train").items, name=words.name)
    with pytest.raises(TrainingError, match=r"after step 7 of epoch 2 some weights are no numbers"):
        training.fit(small(), trained, out=tmp_path / "run", rehearsal=False)
    for name in ("best", "last", "checkpoint"):
        for tensor in weights(tmp_path / "run", name).values():
            assert tensor.isfinite().all()


def test_a_lower_equal_error_rate_is_better_and_the_loss_decides_between_equals() -> None:
    rows = [
        {"train_loss": loss, "train_accuracy": 0.5, "validation_eer": eer}
        for eer, loss in ((0.3, 1.0), (0.1, 9.0), (0.1, 8.0))
    ]
    merits = [loop._merit(row, "eer") for row in rows]
    assert merits == sorted(merits)
    assert len(set(merits)) == 3
    assert loop._merit({"train_loss": 1.0}, "eer") > loop._merit({"train_loss": 2.0}, "eer")


def test_the_rehearsal_fails_before_the_first_epoch(
    words: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ExportError("no such operator")

    monkeypatch.setattr(onnx, "export_whole", refuse)
    with pytest.raises(ExportError, match="no such operator"):
        training.fit(small(), words, out=tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_last_step_of_too_few_clips_is_found_before_the_first(
    words: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch norm over a map of one place cannot learn from one clip; 42 of them in steps of 41 leave one."""
    narrow = SpectrogramCNN.forward

    def forward(self: SpectrogramCNN, features: torch.Tensor) -> torch.Tensor:
        if self.training and len(features) == 1:
            raise ValueError("Expected more than 1 value per channel when training")
        return narrow(self, features)

    monkeypatch.setattr(SpectrogramCNN, "forward", forward)
    with pytest.raises(TrainingError, match=r"has 1 of the 42 .* set fit\.batch=40"):
        training.fit(small(batch=41), words, out=tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    training.fit(small(batch=40, epochs=1), words, out=tmp_path / "other")


@pytest.mark.parametrize(
    ("clips", "batch", "processes", "smallest"),
    [(42, 6, 1, 6), (42, 41, 1, 1), (42, 40, 2, 1), (42, 6, 4, 1), (42, 20, 4, 1), (6, 8, 1, 6)],
)
def test_the_smallest_step_is_that_of_the_process_with_the_fewest_clips_of_the_last_batch(
    clips: int, batch: int, processes: int, smallest: int
) -> None:
    last = np.arange(clips)[(clips - 1) // batch * batch :]
    fewest = min(max(1, len(last[rank::processes])) for rank in range(processes))
    assert rehearsal.smallest_batch(clips, batch, processes) == fewest == smallest


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamw", "label_smoothing": 0.1, "clip_norm": 1.0},
        {"class_weights": "balanced", "precision": "bf16"},
    ],
)
def test_every_setting_of_fit_trains(
    words: Manifest, tmp_path: Path, changes: dict[str, object]
) -> None:
    fitted = training.fit(small(epochs=4, **changes), words, out=tmp_path / "run", rehearsal=False)
    rows = fitted.folder.history()
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]


def test_masks_and_mixup_train_and_resume_like_the_rest(words: Manifest, tmp_path: Path) -> None:
    varied = [
        "augment.mixup_alpha=0.3",
        "augment.time_masks=1",
        "augment.freq_masks=1",
        "fit.epochs=2",
    ]
    recipe = Recipe.load(SMALL, varied)
    for name in ("one", "other"):
        training.fit(recipe, words, out=tmp_path / name, rehearsal=False)
    assert_equal(weights(tmp_path / "one"), weights(tmp_path / "other"))


def test_two_processes_give_what_one_gives(words: Manifest, tmp_path: Path) -> None:
    """Same global batch, no dropout, float32: the weights agree to 1e-5."""
    table = words.save(tmp_path / "words.csv")
    recipe = Recipe.load(
        SMALL,
        ["fit.epochs=2", "fit.precision=fp32", "model.dropout=0.0", "model.dense_dropout=0.0"],
    )
    file = tmp_path / "still.toml"
    file.write_text(recipe.to_toml())
    training.fit(recipe, Manifest.load(table), out=tmp_path / "one", device="cpu", rehearsal=False)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0",
        "--standalone", "-m", "sonant", "train", str(file), "--data", str(table),
        "--out", str(tmp_path / "two"), "--device", "cpu", "--no-rehearsal", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(outcomes) == 1, "only one process speaks"
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        np.testing.assert_allclose(two[name].numpy(), one[name].numpy(), atol=1e-5, err_msg=name)


def test_asked_of_one_process_all_stop_at_the_same_step_and_it_is_saved(
    words: Manifest, tmp_path: Path
) -> None:
    table = words.save(tmp_path / "words.csv")
    recipe = tmp_path / "small.toml"
    recipe.write_text(small().to_toml())
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import os, signal
from pathlib import Path
from sonant import training
from sonant.errors import Interrupted
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.training import loop

step = loop.Loop._step

def asked(self, batch):
    step(self, batch)
    if os.environ["RANK"] == "1" and (self.progress.epoch, self.progress.step) == (1, 1):
        for _ in range(2):  # as torchrun and the terminal both do
            signal.raise_signal(signal.SIGINT)

loop.Loop._step = asked
try:
    training.fit(Recipe.load({str(recipe)!r}), Manifest.load(Path({str(table)!r})),
                 out=Path({str(tmp_path / "cut")!r}), device="cpu", rehearsal=False)
except Interrupted as error:
    os.write(1, f"STOPPED {{str(error)[:40]}}\\n".encode())  # in one piece: two processes write
"""
    )
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0",
        "--standalone", str(program),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("STOPPED stopped after step 2 of epoch 2") == 2
    with safe_open(tmp_path / "cut" / "checkpoint.safetensors", framework="pt") as file:
        progress = json.loads(file.metadata()["progress"])
    assert (progress["epoch"], progress["step"]) == (1, 2)


def test_amsgrad_never_forgets_how_large_a_gradient_has_been() -> None:
    """After one large gradient Adam's steps grow again; those of amsgrad do not."""

    def last_step(rule: str) -> float:
        weight = torch.nn.Parameter(torch.zeros(1))
        fit = small(optimizer=rule, betas=[0.0, 0.5], learning_rate=1.0).fit
        optimizer = loop.optimizer_for(fit, iter([weight]))
        for gradient in (100.0, *(1.0 for _ in range(30))):
            before = weight.item()
            weight.grad = torch.tensor([gradient])
            optimizer.step()
        return before - weight.item()

    assert last_step("adam") == pytest.approx(1.0, rel=1e-3)
    assert last_step("amsgrad") < 0.05
