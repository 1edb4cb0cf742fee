"""When somebody begins and ends to speak, as far as a model with a label for silence can tell."""

from __future__ import annotations

from typing import Final, final

import numpy as np

from sonant.runtime.session import Probabilities

SILENCE: Final = "_silence_"
BEGIN_S: Final = 0.1
END_S: Final = 0.6
"""Pauses between words are shorter."""


@final
class Voice:
    """Sound that is no silence for a while begins it, silence for a while ends it."""

    def __init__(self, labels: tuple[str, ...], *, hop_s: float) -> None:
        """Without a label for silence it never begins."""
        self._column = labels.index(SILENCE) if SILENCE in labels else None
        self._begin: Final = max(1, round(BEGIN_S / hop_s))
        self._end: Final = max(1, round(END_S / hop_s))
        self._run = 0
        self.speaks = False

    def push(self, answers: Probabilities) -> bool | None:
        """Further answers [frames, labels] -> whether it has begun or ended now; None: neither."""
        if self._column is None:
            return None
        before = self.speaks
        for is_silent in np.asarray(answers[:, self._column] >= 0.5).tolist():
            self._run = self._run + 1 if is_silent is self.speaks else 0
            if self._run >= (self._end if self.speaks else self._begin):
                self.speaks, self._run = not self.speaks, 0
        return self.speaks if self.speaks is not before else None
