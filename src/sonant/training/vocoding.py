"""From a recipe and recordings of speech to a vocoder's bundle, by the loop of two players."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant import card, plots
from sonant.audio import from_pcm16
from sonant.bundle import KINDS, Contents, build_vocoder_model, load_weights, save
from sonant.data.cache import ClipStore, Decoded, decode_manifest
from sonant.data.vocoding_config import VocodingConfig
from sonant.errors import TrainingError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Manifest
from sonant.nn.summary import Summary, summarise
from sonant.recipe import Recipe
from sonant.tasks.vocoding import VocodingTask
from sonant.training import FIGURES, TRAINED_ON, Fitted, checkpoint
from sonant.training.allocator import keep_freed_memory
from sonant.training.distributed import World, joined
from sonant.training.rehearsal import Rehearsed
from sonant.training.run_folder import RunFolder
from sonant.training.transfer import inherit
from sonant.training.two_player import TwoPlayer

PROOF_CLIPS, PROOF_S = 4, 2.0
"""Recordings on which a bundle's graph is held to the vocoder, and how much of each."""


def fit_vocoder(
    recipe: Recipe,
    manifest: Manifest,
    *,
    out: Path,
    among: Manifest | None = None,
    device: str = "auto",
    resume: bool = False,
    rehearsal: bool = True,
    also_rehearse: Rehearsed | None = None,
    skip_unreadable: bool = False,
    on_event: OnEvent = silent,
) -> Fitted:
    """Train `recipe` on recordings that have splits; arguments and errors are those of `training.fit`.

    Labels are not asked for, a vocoder makes no other forms, and one process trains it.
    """
    folder = RunFolder(out)
    with joined(device) as world:
        if world.size > 1:
            raise TrainingError(
                f"{recipe.name}: a vocoder is trained by one process, and torchrun started "
                f"{world.size}; start `sonant train` by itself"
            )
        folder.open(resume=resume)
        every = _decode(recipe, manifest, among, skip=skip_unreadable, on_event=on_event)
        heard = _part(every, TRAINED_ON)
        run, summary = _prepare(recipe, heard, world, folder, on_event)
        if resume and folder.checkpoint.exists():
            checkpoint.restore(run.state, folder.checkpoint)
            at = run.standing
            on_event(Note(f"resumed after epoch {at.epoch}, step {at.step}"))
        elif rehearsal:
            on_event(Note("rehearsal: a step of both players, save, load, export"))
            _rehearse(run, heard)
        folder.write_text(folder.recipe, recipe.to_toml())
        folder.write_text(folder.labels, "")
        folder.write_text(folder.summary, summary.table() + "\n")
        keep_freed_memory()
        run.run()
        bundle = _finish(recipe, heard, run, summary)
    return Fitted(
        bundle=bundle,
        folder=folder,
        epochs=run.standing.epoch,
        best_epoch=run.standing.best_epoch,
        readable=every.manifest,
        unreadable=every.unreadable,
    )


def _decode(
    recipe: Recipe, manifest: Manifest, among: Manifest | None, *, skip: bool, on_event: OnEvent
) -> Decoded:
    return decode_manifest(
        manifest.with_items(item for item in manifest if item.split in (*TRAINED_ON, "test")),
        rate_hz=recipe.data.rate_hz,
        among=among,
        skip_unreadable=skip,
        on_progress=lambda done, total: on_event(Working(what="decoding", done=done, total=total)),
    )


def _part(every: Decoded, splits: tuple[str, ...]) -> Decoded:
    numbers = [n for n, item in enumerate(every.manifest) if item.split in splits]
    return Decoded(
        store=every.store.select(numbers),
        manifest=every.manifest.with_items(every.manifest.items[number] for number in numbers),
        unreadable=every.unreadable,
    )


def _prepare(
    recipe: Recipe, heard: Decoded, world: World, folder: RunFolder, on_event: OnEvent
) -> tuple[TwoPlayer, Summary]:
    """Vocoder, task and loop."""
    torch.manual_seed(recipe.seed)
    model = build_vocoder_model(recipe)
    if recipe.parent:
        inherit(model, recipe, ())
        on_event(Note(f"begins with the weights of {recipe.parent}"))
    data = recipe.data
    summary = summarise(model, torch.zeros(1, 1, data.samples), clip_s=data.duration_s)
    model.to(world.device)
    task = VocodingTask(
        recipe,
        recipe.vocoding or VocodingConfig(),
        heard.manifest,
        heard.store,
        model=model,
        device=world.device,
    )
    on_event(Note(task.describe()))
    identity = {"recipe": recipe.digest, "data": heard.manifest.digest}
    run = TwoPlayer(recipe, task, model, folder=folder, identity=identity, on_event=on_event)
    return run, summary


def _rehearse(run: TwoPlayer, heard: Decoded) -> None:
    """A step with critics, a checkpoint there and back, and the graph, on copies of both players."""
    with tempfile.TemporaryDirectory(prefix="sonant-rehearsal-") as name:
        scratch = Path(name)
        # Recordings are shared: they lie behind a memory map, and nothing changes them.
        task = deepcopy(run.task, {id(run.task.segments): run.task.segments})
        double = TwoPlayer(
            run.recipe,
            task,
            deepcopy(run.model),
            folder=RunFolder(scratch),
            identity={},
            on_event=silent,
        )
        batch = next(task.batches(epoch=0))
        double.answer(batch, step=task.settings.warm_up_steps)
        checkpoint.save(double.state, scratch / "checkpoint.safetensors")
        checkpoint.restore(double.state, scratch / "checkpoint.safetensors")
        clips = _proof_clips(heard.store, run.recipe.data.rate_hz)
        KINDS["vocoding"].rehearse(run.recipe, double.model, clips, scratch)


def _finish(recipe: Recipe, heard: Decoded, run: TwoPlayer, summary: Summary) -> Path:
    """Turn the best weights into a bundle; a run that was finished before keeps the one it has."""
    folder, rows, best_epoch = run.folder, run.folder.history(), run.standing.best_epoch
    folder.write_bytes(folder.curves, plots.curves(rows, best_epoch=best_epoch))
    if any((folder.bundle / recipe.name).glob("[0-9]*/bundle.json")):
        return card.find(folder.path)
    model = run.model.to("cpu")
    load_weights(model, folder.best)
    best = rows[best_epoch - 1]
    return save(
        Contents(
            recipe=recipe,
            labels=(),
            model=model,
            clips=_proof_clips(heard.store, recipe.data.rate_hz),
            parameters=summary.parameters,
            macs_per_second=summary.macs_per_second,
            metrics={name: best[name] for name in best if name.endswith(FIGURES)},
            data_digest=heard.manifest.digest,
            parent="/".join(Path(recipe.parent).parts[-2:]) or None,
        ),
        folder.bundle,
    )


def _proof_clips(store: ClipStore, rate_hz: int) -> NDArray[np.float32]:
    """The middle of recordings spread over all of them, [clips, samples]."""
    numbers = np.linspace(0, len(store) - 1, min(PROOF_CLIPS, len(store))).astype(np.int64)
    pcm = store.gather(numbers, round(PROOF_S * rate_hz), pad="end", crop="centre")
    return from_pcm16(pcm)
