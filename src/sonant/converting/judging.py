"""What is measured of a conversion: whose voice it is, how its melody moved, whether its word survived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sonant.audio import Clip
from sonant.conversion import cepstra, pitch
from sonant.nn.voice_mel_config import VoiceMel
from sonant.runtime.recogniser import Recogniser
from sonant.speakers.model import SpeakerModel
from sonant.speakers.verdict import Heard

Scores = dict[str, float | bool | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a recording, worked out once however many conversions it is part of."""

    clip: Clip
    voice: Heard | None
    """None where no speaker bundle listens."""
    contour: pitch.Contour | None
    """None where nobody asked for the melody."""
    word: str
    """What a recogniser hears; empty where none listens."""


@final
class Judge:
    """Listens to sources, targets and conversions alike."""

    def __init__(
        self,
        *,
        mel: VoiceMel,
        speakers: SpeakerModel | None = None,
        recogniser: Recogniser | None = None,
        melody: bool = True,
    ) -> None:
        self._mel = mel
        self._speakers = speakers
        self._recogniser = recogniser
        self._melody = melody

    def known(self, clip: Clip) -> Known:
        """What all scores ask of a recording."""
        return Known(
            clip=clip,
            voice=self._speakers.hear(clip) if self._speakers else None,
            contour=pitch.track(clip) if self._melody else None,
            word=(self._recogniser.predict(clip).label or "") if self._recogniser else "",
        )

    def scores(
        self, converted: Clip, *, source: Known, target: Known, parallel: Clip | None = None
    ) -> Scores:
        """Every score by its column's name; `parallel` is the sentence as the target says it."""
        made = self.known(converted)
        found: Scores = {}
        if self._speakers and made.voice and source.voice and target.voice:
            found |= self._likeness(made.voice, source.voice, target.voice)
        if made.contour and source.contour and target.contour:
            found |= _melody(made.contour, source.contour, target.contour)
        if self._recogniser:
            found |= {"heard": made.word, "heard_unconverted": source.word}
        if parallel is not None:
            found["mcd_db"] = cepstra.distortion_db(converted, parallel, mel=self._mel)
            found["mcd_unconverted_db"] = cepstra.distortion_db(
                source.clip, parallel, mel=self._mel
            )
        return found

    def likeness(self, one: Clip, other: Clip) -> tuple[float | None, bool | None]:
        """The same of clips; None and None where no speaker bundle listens."""
        if self._speakers is None:
            return None, None
        return self.accepted(self._speakers.hear(one), self._speakers.hear(other))

    def accepted(self, one: Heard, other: Heard) -> tuple[float, bool | None]:
        """Cosine, and whether the verifier takes two for one speaker; None where it cannot decide."""
        assert self._speakers is not None
        verdict = self._speakers.verify(one, other)
        taken = None if verdict.decision == "undecided" else verdict.decision == "same"
        return verdict.cosine, taken

    def _likeness(self, made: Heard, source: Heard, target: Heard) -> Scores:
        cosine_target, accepted = self.accepted(made, target)
        cosine_source, _ = self.accepted(made, source)
        unconverted, accepted_unconverted = self.accepted(source, target)
        return {
            "cosine_target": cosine_target,
            "cosine_source": cosine_source,
            "cosine_unconverted": unconverted,
            "accepted": accepted,
            "accepted_unconverted": accepted_unconverted,
        }


def _melody(made: pitch.Contour, source: pitch.Contour, target: pitch.Contour) -> Scores:
    means = {
        name: contour.mean_hz
        for name, contour in (
            ("f0_source_hz", source),
            ("f0_target_hz", target),
            ("f0_converted_hz", made),
        )
    }
    return {"f0_correlation": pitch.correlation(made, source), **means}
