"""The detectors that a server was started with, and what they say of a clip as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from sonant.audio import Clip, Samples
from sonant.countermeasures.guards import AlarmPoint, Finding, Guards, Kind
from sonant.errors import ServeError
from sonant.serving.options import Options
from sonant.serving.tensors import Tensors

LLRS: Final[Mapping[Kind, str]] = {"spoof": "llr_bonafide", "adversarial": "llr_unattacked"}
"""The output that has the LLR of each detector, above 0 for what it does not object to."""


def guards_of(options: Options) -> Guards:
    """Open the detectors that are named, each on one thread, as requests run side by side.

    Raises `BundleError` for a bundle that is no detector, `ServeError` for a prior or threshold that is none.
    """
    asked: dict[Kind, tuple[float, float]] = {
        "spoof": (options.spoof_prior, options.spoof_threshold),
        "adversarial": (options.adversarial_prior, options.adversarial_threshold),
    }
    points: dict[Kind, AlarmPoint] = {}
    for kind, (prior, threshold) in asked.items():
        try:
            points[kind] = AlarmPoint(prior=prior, threshold=threshold)
        except ValueError as error:
            raise ServeError(
                f"--{kind}_prior {prior:g}, --{kind}_threshold {threshold:g}: want numbers between 0 and 1"
            ) from error
    return Guards.load(
        spoof=options.spoof_detector,
        adversarial=options.adversarial_detector,
        points=points,
        threads=1,
    )


def llrs_of(guards: Guards, clips: Sequence[Samples], *, rate_hz: int) -> Tensors:
    """What each detector says of clips [samples] -> its output [rows]."""
    sounds = [Clip(clip, rate_hz) for clip in clips]
    return {
        LLRS[guard.kind]: np.array([guard.hear(sound).llr for sound in sounds], np.float32)
        for guard in guards.all
    }


def findings_in(outputs: Tensors, guards: Guards, *, row: int = 0) -> tuple[Finding, ...]:
    """What a run answered of one row, as verdicts want it."""
    return tuple(guard.finding(float(outputs[LLRS[guard.kind]][row])) for guard in guards.all)
