"""A speaker bundle that answers: from files to embeddings, verdicts, names and clusters. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np

from sonant import audio
from sonant.audio import Samples
from sonant.card import Card, find
from sonant.errors import AudioError, BundleError
from sonant.runtime.session import StreamGraph
from sonant.runtime.step_graph import STREAM
from sonant.speakers import clustering, gates, verdict
from sonant.speakers.clustering import Clustering, Method
from sonant.speakers.deciding import Deciding
from sonant.speakers.embedding import NORM, SHORTEST_S, Embedding, EmbeddingGraph
from sonant.speakers.gates import Quality
from sonant.speakers.growing import Growing, Repeated, Streamed
from sonant.speakers.records import Speaker
from sonant.speakers.scorers import COSINE
from sonant.speakers.sources import Source, name_of, read
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Heard, Identification, Verdict
from sonant.verification import quality as measures

__all__ = ["TASK", "TOP", "Grouped", "Progress", "Source", "SpeakerModel"]

TASK: Final = "speakers"
TOP: Final = 5
NOTHING: Final = Quality(speech_s=0.0, snr_db=gates.SNR_DB[0])
"""Of a clip in which there is nothing to hear."""
TOGETHER, TOGETHER_S = 16, 60.0
"""Clips, and seconds of them, that are heard together at most: more is no faster, and takes memory."""

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """A pile of clips by speaker."""

    sources: tuple[Source, ...]
    """The clips that were grouped, in the order they were given."""
    heard: tuple[Heard, ...]
    """What each of them is like."""
    clusters: Clustering
    left_out: tuple[tuple[Source, str], ...]
    """Clips that were not, and why."""


@final
class SpeakerModel:
    """The graph of a speaker bundle with its calibration, its operating point and its gate."""

    def __init__(
        self, card: Card, *, threads: int | None = None, deciding: Deciding | None = None
    ) -> None:
        """Open the graph of `card`; `deciding` takes the place of what the card says.

        Raises `BundleError` when the bundle is of another task or its graph does not fit.
        """
        if card.task != TASK:
            raise BundleError(
                f"{card.path}: is a bundle of {card.task}; telling speakers apart takes one of the "
                f"task {TASK}, as sonant train speaker-tdnn makes"
            )
        self.card: Final = card
        self.deciding: Final = deciding or Deciding.of(card)
        self._graph: Final = EmbeddingGraph(card, threads=threads)

    @classmethod
    def load(
        cls,
        bundle: Path | str,
        *,
        threads: int | None = None,
        deciding: Deciding | None = None,
    ) -> Self:
        """Open a bundle, or the newest version in a name or run folder; every file's hash is checked."""
        return cls(Card.read(find(Path(bundle))), threads=threads, deciding=deciding)

    @property
    def digest(self) -> str:
        """What a store keeps beside embeddings, so that two models never meet in one."""
        return self._graph.digest

    @property
    def rate_hz(self) -> int:
        """Samples a second of what it hears."""
        return self._graph.rate_hz

    def embed(self, source: Source, *, rate_hz: int | None = None) -> Embedding:
        """The embedding of a clip of any rate and length; `rate_hz` is that of bare samples.

        Nothing is asked about speech in it; see `hear`. Raises `AudioError` naming the clip where it cannot
        be read or is shorter than `embedding.SHORTEST_S`, `StoreError` where it has no direction.
        """
        return self._graph.embed(self._samples(source, rate_hz))

    def hear(self, source: Source, *, rate_hz: int | None = None) -> Heard:
        """The embedding of a clip, and how much speech it rests on.

        A clip that is silent or next to nothing has an embedding of zeros, which is like nobody. Raises
        `AudioError` naming the clip where it cannot be read.
        """
        return self.hear_many([source], rate_hz=rate_hz)[0]

    def hear_many(self, sources: Sequence[Source], *, rate_hz: int | None = None) -> list[Heard]:
        """What `hear` says of each of several clips, up to rounding; those of like length go together.

        Raises `AudioError` as `hear` does.
        """
        clips = [self._samples(source, rate_hz) for source in sources]
        embedded = iter(self._graph.embed_many([one for one in clips if self._sounds(one)]))
        return [
            Heard(embedding=next(embedded), quality=gates.measure(samples, self._graph.rate_hz))
            if self._sounds(samples)
            else Heard(embedding=self._nobody(), quality=NOTHING)
            for samples in clips
        ]

    def growing(self) -> Growing:
        """For an utterance while it is spoken, hop by hop where the bundle has a graph for that."""
        calibration = self.deciding.calibration
        wants_norm = calibration is not None and NORM in calibration.quality
        if STREAM in self.card.graphs and not wants_norm:
            return Streamed(StreamGraph(self.card))
        return Repeated(self._graph)

    def objection(self, heard: Heard) -> str:
        """Why nothing can be said of a clip; empty where something can."""
        return self.deciding.gate.objection(heard.quality)

    def verify_files(self, left: Source, right: Source, *, rate_hz: int | None = None) -> Verdict:
        """Whether two clips are of one speaker, with all that the answer rests on.

        Undecided without a calibration, or without enough speech. Raises `AudioError` as `hear` does.
        """
        return self.verify(self.hear(left, rate_hz=rate_hz), self.hear(right, rate_hz=rate_hz))

    def verify(self, left: Heard, right: Heard) -> Verdict:
        """The same, of clips that were heard before."""
        point, scorer = self.deciding.point, self.deciding.scorer
        return verdict.verify(left, right, point=point, scorer=scorer, **self._judging())

    def enroll(
        self,
        store: SpeakerStore,
        name: str,
        files: Sequence[Source],
        *,
        replace: bool = False,
        rate_hz: int | None = None,
    ) -> Speaker:
        """Keep the voice of files under a name, all of them or none.

        Raises `AudioError` naming every file that cannot be read or has not enough speech, and `StoreError`
        as `SpeakerStore.enroll` does.
        """
        if not files:
            raise AudioError(
                f"{name}: no files to enrol; give one or more, a few seconds of speech each"
            )
        heard, wrong = self._heard(files, rate_hz=rate_hz)
        if wrong:
            listed = "; ".join(reason for _, reason in wrong)
            raise AudioError(
                f"{name} is not enrolled: {listed}; leave these out, or record them again"
            )
        return store.enroll(
            name,
            np.stack([one.embedding.vector for _, one in heard]),
            model_digest=self.digest,
            sources=[name_of(source) for source in files],
            replace=replace,
        )

    def identify(
        self, store: SpeakerStore, file: Source, *, top: int = TOP, rate_hz: int | None = None
    ) -> Identification:
        """Who of those in a store speaks in a clip, or that it is nobody known.

        Raises `AudioError` as `hear` does, `StoreError` where the store is of another model.
        """
        return self.who(store, self.hear(file, rate_hz=rate_hz), top=top)

    def who(self, store: SpeakerStore, heard: Heard, *, top: int = TOP) -> Identification:
        """The same, of a clip that was heard before."""
        vector = heard.embedding.vector
        # Silence is near nobody, and the reason says so.
        found = store.identify(vector, top, model_digest=self.digest) if vector.any() else []
        enrolled = max(store.count(), len(found))
        point = self.deciding.point
        scores = self.deciding.against(vector, found, store.centre)
        return verdict.identify(
            heard, found, enrolled=enrolled, point=point, scores=scores, **self._judging()
        )

    def cluster(
        self,
        files: Sequence[Source],
        *,
        method: Method = "agglomerative",
        exactly: int | None = None,
        least: int = 1,
        most: int | None = None,
        smallest: int = 1,
        on_progress: Progress | None = None,
    ) -> Grouped:
        """Group clips by speaker; see `clustering.cluster`.

        Where the number is open, a calibrated model stops merging where two clips are no longer likely to
        be of one speaker. Clips that cannot be read or have not enough speech are left out, and named.
        Raises `AudioError` where none is left, `StoreError` for numbers that contradict each other.
        """
        heard, wrong = self._heard(files, on_progress=on_progress)
        if not heard:
            first = f", as {wrong[0][1]}" if wrong else ""
            raise AudioError(f"none of {len(files)} clips has enough speech to be grouped{first}")
        clips = [one for _, one in heard]
        found = clustering.cluster(
            np.stack([one.embedding.vector for one in clips]),
            method=method,
            exactly=exactly,
            least=least,
            most=most,
            threshold=self.cosine_threshold(clips) if method == "agglomerative" else None,
            smallest=smallest,
        )
        return Grouped(
            sources=tuple(source for source, _ in heard),
            heard=tuple(clips),
            clusters=found,
            left_out=tuple(wrong),
        )

    def _heard(
        self,
        sources: Iterable[Source],
        *,
        rate_hz: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[list[tuple[Source, Heard]], list[tuple[Source, str]]]:
        """Clips with enough speech, and the others with the reason."""
        every = list(sources)
        good: list[tuple[Source, Heard]] = []
        wrong: list[tuple[Source, str]] = []
        waiting: list[tuple[Source, Samples]] = []
        for number, source in enumerate(every, start=1):
            try:
                waiting.append((source, self._samples(source, rate_hz)))
            except AudioError as error:
                wrong.append((source, str(error)))
            seconds = sum(len(samples) for _, samples in waiting) / self._graph.rate_hz
            if number == len(every) or len(waiting) == TOGETHER or seconds > TOGETHER_S:
                heard = self.hear_many([samples for _, samples in waiting])
                for (waited, _), one in zip(waiting, heard, strict=True):
                    if objection := self.objection(one):
                        wrong.append((waited, f"{name_of(waited)}: {objection}"))
                    else:
                        good.append((waited, one))
                waiting.clear()
            if on_progress:
                on_progress(number, len(every))
        return good, wrong

    def cosine_threshold(self, clips: Sequence[Heard]) -> float | None:
        """The cosine at which clips of middling quality are as likely of one speaker as the point asks.

        None without a calibration of cosines.
        """
        calibration, point = self.deciding.calibration, self.deciding.point
        if calibration is None or self.deciding.scorer is not COSINE:
            return None
        middling = {
            name: float(np.median([one.measures()[name] for one in clips]))
            for name in calibration.quality
        }
        rest = float(calibration.llr(0.0, measures.of_pairs(middling, middling)))
        return (point.llr - rest) / calibration.slope

    def _judging(self) -> dict[str, Any]:
        return {"calibration": self.deciding.calibration, "gate": self.deciding.gate}

    def _samples(self, source: Source, rate_hz: int | None) -> Samples:
        """[samples] at the graph's rate, in the 16 bits that training reads."""
        clip = read(source, rate_hz=rate_hz or self._graph.rate_hz)
        if not np.isfinite(clip.samples).all():
            raise AudioError(f"{name_of(source)}: holds samples that are no numbers")
        samples = audio.resample(clip, self._graph.rate_hz).samples
        return audio.from_pcm16(audio.to_pcm16(samples))

    def _sounds(self, samples: Samples) -> bool:
        """Whether there is anything in it to embed."""
        return len(samples) >= SHORTEST_S * self._graph.rate_hz and bool(samples.any())

    def _nobody(self) -> Embedding:
        # Only an answer tells how long an answer of this graph is, and which measures it has.
        sound = 0.1 * np.random.default_rng(0).standard_normal(self._graph.rate_hz)
        known = self._graph.embed(sound.astype(np.float32))
        norm = None if known.norm is None else 0.0
        return Embedding(vector=np.zeros_like(known.vector), norm=norm)
