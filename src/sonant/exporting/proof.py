"""What a form of the model answers to real clips: how far from the model, and how often right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sonant.exporting.material import Material

Answers: TypeAlias = NDArray[np.float32]
"""[answers, labels]."""
Hear: TypeAlias = Callable[[NDArray[np.float32]], Answers]
"""One stream [..., time] from silence -> an answer for each hop."""


def accuracy_of_clips(answers: Answers, material: Material) -> float | None:
    """Share of clips that are answered with their label; None where nobody knows it."""
    if material.targets is None:
        return None
    return float(np.mean(answers.argmax(1) == material.targets))


def accuracy_reset(
    hear: Hear, clips: list[NDArray[np.float32]], material: Material
) -> float | None:
    """The same of a stream that begins anew with each clip; the last answer is the one about it."""
    if material.targets is None:
        return None
    return accuracy_of_clips(np.stack([hear(clip)[-1] for clip in clips]), material)


def accuracy_never_reset(
    answers: Answers, material: Material, *, samples_per_answer: int, delay: int
) -> float | None:
    """The same of one stream that hears all clips, one after the other, and is never reset.

    A clip's answer is the last one that is about sound of the clip.
    """
    if material.targets is None:
        return None
    ends = (np.arange(len(material.clips)) + 1) * material.clips.shape[1]
    at = np.minimum((ends + delay) // samples_per_answer, len(answers)) - 1
    return accuracy_of_clips(answers[at], material)
