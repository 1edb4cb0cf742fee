"""From a recipe and a manifest to a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant import card, plots
from sonant.audio import from_pcm16
from sonant.bundle import Contents, build_classifier, load_weights, save
from sonant.data.cache import Decoded, decode_manifest
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Manifest
from sonant.models.classifier import Classifier
from sonant.models.pretrained import load_pretrained
from sonant.nn.frontend import FrontEnd
from sonant.nn.summary import Summary, summarise
from sonant.recipe import Recipe
from sonant.tasks.keywords import KeywordTask
from sonant.training import checkpoint
from sonant.training.allocator import keep_freed_memory
from sonant.training.distributed import World, joined
from sonant.training.loop import Loop
from sonant.training.rehearsal import rehearse
from sonant.training.run_folder import RunFolder

PROOF_CLIPS = 16
"""Real clips on which a bundle's graph is held to the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a training leaves behind."""

    bundle: Path | None
    """The bundle's version folder; None in the processes of a distributed run that write nothing."""
    folder: RunFolder
    epochs: int
    best_epoch: int
    unreadable: tuple[str, ...]


def fit(
    recipe: Recipe,
    manifest: Manifest,
    *,
    out: Path,
    device: str = "auto",
    resume: bool = False,
    rehearsal: bool = True,
    skip_unreadable: bool = False,
    on_event: OnEvent = silent,
) -> Fitted:
    """Train `recipe` on a manifest that has splits, and write run folder and bundle under `out`.

    Raises a `SonantError` that says what to change; `Interrupted` after Ctrl-C, with all saved.
    """
    folder = RunFolder(out)
    with joined(device) as world:
        on_event = on_event if world.first else silent
        if world.first:
            folder.open(resume=resume)
        decoded = _decode(recipe, manifest, world, skip=skip_unreadable, on_event=on_event)
        loop, summary = _prepare(recipe, decoded, world, folder, on_event)
        resumed = resume and folder.checkpoint.exists()
        if resumed:
            checkpoint.restore(loop.state, folder.checkpoint)
            on_event(Note(f"resumed after epoch {loop.progress.epoch}, step {loop.progress.step}"))
        elif rehearsal and world.first:
            on_event(Note("rehearsal: two steps, save, load, export, one prediction"))
            rehearse(recipe, loop.task, loop.model)
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
        unreadable=decoded.unreadable,
    )


def _decode(
    recipe: Recipe, manifest: Manifest, world: World, *, skip: bool, on_event: OnEvent
) -> Decoded:
    """Rank 0 decodes first; the others then find the store made."""
    used = tuple(item for item in manifest if item.split in ("train", "validation"))
    if any(not item.label for item in used):
        raise ManifestError(
            f"{manifest.name}: {sum(not item.label for item in used)} clips to train on have no label, "
            f"as {next(str(item.path) for item in used if not item.label)}"
        )
    if not world.first:
        world.wait()
    decoded = decode_manifest(
        Manifest(items=used, name=manifest.name, origin=manifest.origin),
        rate_hz=recipe.data.rate_hz,
        skip_unreadable=skip,
        on_progress=lambda done, total: on_event(Working(what="decoding", done=done, total=total)),
    )
    if world.first:
        world.wait()
    return decoded


def _prepare(
    recipe: Recipe, decoded: Decoded, world: World, folder: RunFolder, on_event: OnEvent
) -> tuple[Loop, Summary]:
    """Model, task and loop."""
    torch.manual_seed(recipe.seed)
    model = build_classifier(recipe, decoded.manifest.labels)
    pretrained = getattr(recipe.model, "pretrained", "")
    if pretrained:
        load_pretrained(model.network, Path(pretrained))
    task = KeywordTask(
        recipe,
        decoded.manifest,
        decoded.store,
        share=world.share,
        device=world.device,
        precision=_precision(recipe.fit.precision, world.device),
    )
    summary = _summary(recipe, model)
    model.to(world.device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    front_end = model.front_end
    assert isinstance(front_end, FrontEnd)
    if recipe.front_end.normalise != "none":
        on_event(Note("learning the features' statistics from the training split"))
        front_end.adapt(task.adaptation())
    identity = {"recipe": recipe.digest, "data": decoded.manifest.digest}
    loop = Loop(
        recipe, task, model, world=world, folder=folder, identity=identity, on_event=on_event
    )
    return loop, summary


def _summary(recipe: Recipe, model: Classifier) -> Summary:
    example = torch.zeros(1, recipe.data.samples)
    return summarise(model, example, clip_s=recipe.data.duration_s)


def _precision(wanted: str, device: torch.device) -> torch.dtype:
    if wanted == "auto":
        native = (
            torch.cuda.is_bf16_supported()
            if device.type == "cuda"
            else torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if wanted == "bf16" else torch.float32


def _finish(recipe: Recipe, decoded: Decoded, loop: Loop, summary: Summary) -> Path:
    """Turn the best weights into a bundle; a run that was finished before keeps the one it has."""
    folder, rows = loop.folder, loop.folder.history()
    folder.write_bytes(folder.curves, plots.curves(rows, best_epoch=loop.progress.best_epoch))
    if any((folder.bundle / recipe.name).glob("[0-9]*/bundle.json")):
        return card.find(folder.path)
    model = loop.model.to("cpu")
    load_weights(model, folder.best)
    best = rows[loop.progress.best_epoch - 1]
    return save(
        Contents(
            recipe=recipe,
            labels=decoded.manifest.labels,
            model=model,
            clips=_proof_clips(recipe, decoded),
            parameters=summary.parameters,
            macs_per_second=summary.macs_per_second,
            metrics={name: best[name] for name in best if "loss" in name or "accuracy" in name},
            data_digest=decoded.manifest.digest,
        ),
        folder.bundle,
    )


def _proof_clips(recipe: Recipe, decoded: Decoded) -> NDArray[np.float32]:
    """Clips spread over the manifest, [clips, samples]."""
    count = min(PROOF_CLIPS, len(decoded.store))
    numbers = np.linspace(0, len(decoded.store) - 1, count).astype(np.int64)
    data = recipe.data
    pcm = decoded.store.gather(numbers, data.samples, pad=data.pad, crop=data.crop)
    return from_pcm16(pcm)
