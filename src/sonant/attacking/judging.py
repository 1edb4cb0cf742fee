"""Whether an attacker has what he wants, by the graphs that users run and past any defence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from sonant.attacking.cases import Case, rounded
from sonant.attacking.ears import Ear, Floats, margins
from sonant.attacking.problems import stacked
from sonant.attacks.defences import Defence, views
from sonant.attacks.oracle import Answers, Ask
from sonant.audio import Clip, Samples
from sonant.spoofing.detector import Detector


@final
class Judge:
    """A bundle with the defences before it and the spoof detector beside it."""

    def __init__(
        self,
        ear: Ear,
        *,
        rate_hz: int,
        defences: Sequence[Defence] = (),
        detector: Detector | None = None,
    ) -> None:
        self.ear: Final = ear
        self._rate_hz: Final = rate_hz
        self._defences: Final = tuple(defences)
        self._detector: Final = detector

    def margins(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        """By how much each case is won, [cases]: above 0 it is, the detector's word included."""
        scores = self._scores(cases, sounds) if self._defences else self.ear.scores(cases, sounds)
        found = margins(scores, cases, self.ear.names)
        if self._detector is None:
            return found
        passed = [self.llr_bonafide(one) for one in sounds]
        return np.asarray(np.minimum(found, np.array(passed)))

    def bare(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        """The same by the bundle alone."""
        return margins(self.ear.scores(cases, sounds), cases, self.ear.names)

    def llr_bonafide(self, sound: Samples) -> float:
        """What the detector says of a sound."""
        assert self._detector is not None
        return self._detector.detect(Clip(sound, self._rate_hz)).llr_bonafide

    def ask(self, case: Case) -> Ask:
        """The case as a black box sees it: sounds in, scores out."""

        def answers(samples: Tensor) -> Answers:
            sounds = list(samples[:, 0].cpu().numpy())
            found = torch.from_numpy(self.margins([case] * len(sounds), sounds)).float()
            return Answers(found, found > 0)

        return answers

    def _scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        """The mean over what the defences draw."""
        clean, _ = stacked(sounds)
        sums: Floats | None = None
        every = views(self._defences)
        for view in every:
            with torch.no_grad():
                changed = view(clean)[:, 0].numpy()
            heard = [rounded(row[: len(one)]) for row, one in zip(changed, sounds, strict=True)]
            scores = self.ear.scores(cases, heard)
            sums = scores if sums is None else sums + scores
        assert sums is not None
        return sums / len(every)
