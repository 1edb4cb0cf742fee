"""What the process itself uses, as the system counts it."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_DESCRIPTORS: Final = Path("/proc/self/fd")
_RESIDENT: Final = 1
"""The column of statm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of this process, now."""

    resident_bytes: int
    """Memory that is in use; where the system does not tell, the most that ever was."""
    cpu_s: float
    """Processor seconds since the start, of all threads."""
    descriptors: int
    """Open files and sockets; 0 where the system does not tell."""


def usage() -> Usage:
    """Ask the system."""
    return Usage(
        resident_bytes=_resident(),
        cpu_s=time.process_time(),
        descriptors=len(os.listdir(_DESCRIPTORS)) if _DESCRIPTORS.is_dir() else 0,
    )


def _resident() -> int:
    if _STATM.is_file():
        return int(_STATM.read_text().split()[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    # Not every system has it, and this one does not need it.
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
