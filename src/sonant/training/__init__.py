"""From a recipe and a manifest to a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant import card, plots
from sonant.audio import from_pcm16
from sonant.bundle import Contents, load_weights, save
from sonant.data.cache import Decoded, decode_manifest
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Manifest
from sonant.nn.summary import Summary
from sonant.recipe import Recipe
from sonant.training import checkpoint
from sonant.training.allocator import keep_freed_memory
from sonant.training.distributed import World, joined
from sonant.training.loop import Loop
from sonant.training.problems import problem
from sonant.training.rehearsal import Rehearsed, rehearse
from sonant.training.run_folder import RunFolder

PROOF_CLIPS = 16
"""Real clips on which a bundle's graph is held to the model."""
FIGURES = ("loss", "accuracy", "eer")
"""How the names of figures end that are kept of an epoch."""
PROOF_S = 32.0
"""Seconds of them, about, since they are kept in the bundle."""
TRAINED_ON = ("train", "validation")
"""The splits that training sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a training leaves behind."""

    bundle: Path | None
    """The bundle's version folder; None in the processes of a distributed run that write nothing."""
    folder: RunFolder
    epochs: int
    best_epoch: int
    readable: Manifest
    """The clips of train, validation and test that could be read."""
    unreadable: tuple[str, ...]
    """One message for each clip of them that was left out, naming the file."""


def fit(
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
    """Train `recipe` on a manifest that has splits, and write run folder and bundle under `out`.

    Its clips are decoded first, those of the test as well: one that cannot be read stops the run before
    it begins, unless `skip_unreadable`. `among` is the larger manifest they were chosen from, whose
    decoded clips are kept for the next choice; `also_rehearse` is tried before the first epoch.
    Raises a `SonantError` that says what to change; `Interrupted` after Ctrl-C, with all saved.
    """
    folder = RunFolder(out)
    with joined(device) as world:
        on_event = on_event if world.first else silent
        if world.first:
            folder.open(resume=resume)
        every = _decode(recipe, manifest, among, world, skip=skip_unreadable, on_event=on_event)
        decoded = _to_train_on(every)
        loop, summary = _prepare(recipe, decoded, world, folder, on_event)
        resumed = resume and folder.checkpoint.exists()
        if resumed:
            checkpoint.restore(loop.state, folder.checkpoint)
            on_event(Note(f"resumed after epoch {loop.progress.epoch}, step {loop.progress.step}"))
        elif rehearsal and world.first:
            on_event(Note("rehearsal: a few steps, save, load, export, one prediction"))
            rehearse(recipe, loop.task, loop.model, processes=world.size, also=also_rehearse)
        if world.first:
            folder.write_text(folder.recipe, recipe.to_toml())
            folder.write_text(folder.labels, "".join(f"{name}\n" for name in loop.task.labels))
            folder.write_text(folder.summary, summary.table() + "\n")
        world.wait()
        # Not earlier: what the rehearsal took is given back first.
        keep_freed_memory()
        loop.run()
        bundle = _finish(recipe, decoded, loop, summary) if world.first else None
    return Fitted(
        bundle=bundle,
        folder=folder,
        epochs=loop.progress.epoch,
        best_epoch=loop.progress.best_epoch,
        readable=every.manifest,
        unreadable=every.unreadable,
    )


def _decode(
    recipe: Recipe,
    manifest: Manifest,
    among: Manifest | None,
    world: World,
    *,
    skip: bool,
    on_event: OnEvent,
) -> Decoded:
    """The clips of train, validation and test; rank 0 decodes first, the others then find the store made."""
    bare = [item for item in manifest if item.split in TRAINED_ON and not item.label]
    if bare:
        raise ManifestError(
            f"{manifest.name}: {len(bare)} clips to train on have no label, as {bare[0].path}"
        )
    if not world.first:
        world.wait()
    decoded = decode_manifest(
        manifest.with_items(item for item in manifest if item.split in (*TRAINED_ON, "test")),
        rate_hz=recipe.data.rate_hz,
        among=among,
        skip_unreadable=skip,
        on_progress=lambda done, total: on_event(Working(what="decoding", done=done, total=total)),
    )
    if world.first:
        world.wait()
    return decoded


def _to_train_on(every: Decoded) -> Decoded:
    """Without the clips that are there to be tested on."""
    numbers = [n for n, item in enumerate(every.manifest) if item.split in TRAINED_ON]
    return Decoded(
        store=every.store.select(numbers),
        manifest=every.manifest.with_items(every.manifest.items[number] for number in numbers),
        unreadable=every.unreadable,
    )


def _prepare(
    recipe: Recipe, decoded: Decoded, world: World, folder: RunFolder, on_event: OnEvent
) -> tuple[Loop, Summary]:
    """Model, task and loop."""
    torch.manual_seed(recipe.seed)
    found = problem(recipe, decoded, world, on_event)
    identity = {"recipe": recipe.digest, "data": decoded.manifest.digest}
    loop = Loop(
        recipe,
        found.task,
        found.model,
        world=world,
        folder=folder,
        identity=identity,
        on_event=on_event,
    )
    return loop, found.summary


def _finish(recipe: Recipe, decoded: Decoded, loop: Loop, summary: Summary) -> Path:
    """Turn the best weights into a bundle; a run that was finished before keeps the one it has."""
    folder, rows = loop.folder, loop.folder.history()
    folder.write_bytes(folder.curves, plots.curves(rows, best_epoch=loop.progress.best_epoch))
    if any((folder.bundle / recipe.name).glob("[0-9]*/bundle.json")):
        return card.find(folder.path)
    loop.release()
    model = loop.model.to("cpu")
    load_weights(model, folder.best)
    best = rows[loop.progress.best_epoch - 1]
    clips, lengths = _proof_clips(recipe, decoded)
    return save(
        Contents(
            recipe=recipe,
            labels=loop.task.labels,
            model=model,
            clips=clips,
            lengths=lengths,
            parameters=summary.parameters,
            macs_per_second=summary.macs_per_second,
            metrics={name: best[name] for name in best if name.endswith(FIGURES)},
            data_digest=decoded.manifest.digest,
            parent=_name(recipe.parent),
        ),
        folder.bundle,
    )


def _name(parent: str) -> str | None:
    """As `name/version`."""
    return "/".join(Path(parent).parts[-2:]) if parent else None


def _proof_clips(recipe: Recipe, decoded: Decoded) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clips spread over the manifest, [clips, samples], and how much of each is sound, [clips]."""
    data = recipe.data
    count = min(PROOF_CLIPS, len(decoded.store), max(2, round(PROOF_S / data.duration_s)))
    numbers = np.linspace(0, len(decoded.store) - 1, count).astype(np.int64)
    pcm = decoded.store.gather(numbers, data.samples, pad=data.pad, crop=data.crop)
    return from_pcm16(pcm), np.minimum(decoded.store.lengths[numbers], data.samples)
