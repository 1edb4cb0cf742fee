"""What a result was made with: the versions of code and libraries."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("sonant", "torch", "numpy", "onnxruntime", "soundfile", "soxr")


def versions() -> dict[str, str]:
    """What a result was made with."""
    found = {"python": sys.version.split()[0]}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "absent"
    return found


def code_version() -> str:
    """The package's version, and the commit where it runs from a checkout of its own."""
    version = versions()["sonant"]
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return version
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty=+dirty"]
    try:
        commit = subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version} {commit.stdout.strip()}"
