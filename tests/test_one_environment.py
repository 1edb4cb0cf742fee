"""Everything in one environment and one process: no module needs another's absence, no pin fights another."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, pkgutil, sonant
names = [found.name for found in pkgutil.walk_packages(sonant.__path__, "sonant.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
# What the modules reach for when they are used, all beside each other.
for name in {heavy}:
    importlib.import_module(name)
print(len(names))
"""
HEAVY = (
    "torch", "tensorflow", "ai_edge_litert.interpreter", "onnxruntime", "art", "audiomentations", "sklearn",
    "faiss", "scipy", "pyworld", "pystoi", "dtaidistance", "h5py", "psycopg", "grpc", "zeroconf", "doit",
)  # fmt: skip


def installed(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None


def test_one_process_imports_every_module_and_every_library_of_every_extra() -> None:
    missing = [name for name in HEAVY if not installed(name)]
    if missing:
        pytest.skip(f"not every extra is installed: {', '.join(missing)}")
    code = IMPORT_ALL.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 300


def test_no_installed_requirement_contradicts_another() -> None:
    if not installed("pip"):
        pytest.skip("this environment was made without pip")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
