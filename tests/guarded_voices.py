"""Speaker bundles and detectors without training: to these detectors, what is loud is genuine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from spoof_bundle import write_spoof_bundle

PASSES: Final = 0.0
"""Added to a score, which is about 4 for the voices of `serving.voiced`: the detector lets them pass."""
OBJECTS: Final = -6.0
"""With this it objects to them."""


def write_detector(root: Path, *, offset: float | None = PASSES, **changes: Any) -> Path:
    """A detector whose LLR is its score and `offset`; None: one that is not calibrated."""
    if offset is None:
        return write_spoof_bundle(root, **changes)
    calibration = {
        "slope": 1.0,
        "offset": offset,
        "quality": {},
        "prior": 0.5,
        "same": 9,
        "different": 9,
        "trials": "",
    }
    kept = {"spoofing": {"calibration": calibration, "chosen_on": "nothing"}}
    return write_spoof_bundle(root, operating_point=kept, **changes)
