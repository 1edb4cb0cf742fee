"""Keep the memory of a server that runs for a year where it is."""

from __future__ import annotations

import ctypes
import platform

M_ARENA_MAX = -8
ARENAS = 2


def bound_arenas() -> bool:
    """Let all threads share a few of glibc's arenas; elsewhere do nothing. Returns whether it did.

    By default each thread may have one of its own, and what one has freed the others cannot use: after
    many swaps of models a server held a sixth more than at its start.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS) == 1)
