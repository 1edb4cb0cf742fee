"""`sonant doctor`: what this machine has, what is missing for what, and what to run."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Final

import typer

from sonant import __version__
from sonant.cli import console

EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "core": (
        "numpy",
        "onnxruntime",
        "rich",
        "safetensors",
        "soundfile",
        "soxr",
        "tomli_w",
        "typer",
    ),
    "report": ("matplotlib",),
    "train": ("torch", "audiomentations", "onnx", "onnxscript", "tensorboard"),
    "tensorflow": ("tensorflow",),
    "tflite": ("ai_edge_litert", "flatbuffers"),
    "micro": ("pymicro_features",),
    "mic": ("sounddevice",),
    "synth": ("espeakng_loader",),
}
"""For each extra, the modules it brings."""


def doctor(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Print the environment, what is missing for which extra, and what to run."""
    from sonant.data.cache import cache_folder

    missing = {extra: _absent(modules) for extra, modules in EXTRAS.items()}
    facts = {
        "sonant": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "accelerator": _accelerator()
        if not missing["train"]
        else "unknown (torch is not installed)",
        "cache": str(cache_folder()),
        "cache_bytes": _size(cache_folder()),
        "free_bytes": shutil.disk_usage(_existing(cache_folder())).free,
    }
    if json:
        console.result_json({**facts, "versions": _versions(), "missing": missing})
    else:
        console.table(("fact", "value"), list(facts.items()))
        console.table(
            ("extra", "libraries", "state"),
            [
                (extra, ", ".join(modules), _state(extra, missing[extra]))
                for extra, modules in EXTRAS.items()
            ],
        )
    console.next_step(*_advice(missing))
    if missing["core"]:
        raise typer.Exit(1)


def _absent(modules: Sequence[str]) -> list[str]:
    return [module for module in modules if util.find_spec(module) is None]


def _state(extra: str, absent: Sequence[str]) -> str:
    if not absent:
        return "ready"
    target = "sonant" if extra == "core" else f"'sonant[{extra}]'"
    return f"missing {', '.join(absent)}: pip install {target}"


def _advice(missing: dict[str, list[str]]) -> tuple[str, str]:
    if missing["train"]:
        return "pip install 'sonant[train]'", "to train; using a bundle needs nothing more"
    return "sonant demo", "the whole tour, on words this machine speaks itself"


def _versions() -> dict[str, str]:
    names = sorted(module.replace("_", "-") for modules in EXTRAS.values() for module in modules)
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return f"none; the CPU computes bf16 {'natively' if native else 'only by emulation'}"


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
