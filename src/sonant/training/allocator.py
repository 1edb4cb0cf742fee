"""Keep freed memory for the next step instead of giving it back to the system after each.

With glibc's defaults every large tensor of a step is mapped and unmapped anew: thousands of page
faults a step, a third of the time of a small network.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEEP_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Give back what is free now, then raise glibc's thresholds; elsewhere do nothing.

    Returns whether it did.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    library.malloc_trim(0)
    return all(
        library.mallopt(option, value) == 1
        for option, value in (
            (M_MMAP_THRESHOLD, KEEP_BYTES),
            (M_TRIM_THRESHOLD, KEEP_BYTES),
            (M_TOP_PAD, 64 << 20),
        )
    )
