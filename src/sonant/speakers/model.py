"""A speaker bundle that answers: from files to embeddings, verdicts, names and clusters. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import Card, find
from sonant.errors import AudioError, BundleError
from sonant.manifest import Item
from sonant.speakers import clustering, gates, verdict
from sonant.speakers.clustering import Clustering, Method
from sonant.speakers.deciding import Deciding
from sonant.speakers.embedding import SHORTEST_S, Embedding, EmbeddingGraph
from sonant.speakers.gates import Quality
from sonant.speakers.records import Speaker
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Heard, Identification, Verdict
from sonant.verification import quality as measures

TASK: Final = "speakers"
TOP: Final = 5

Source = Path | str | bytes | Samples | Clip | Item
"""A file, the bytes of one, samples [samples] in [-1, 1], or a clip of a manifest."""
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
        samples = self._samples(source, rate_hz)
        quality = gates.measure(samples, self._graph.rate_hz)
        if len(samples) < SHORTEST_S * self._graph.rate_hz or not samples.any():
            nothing = Quality(speech_s=0.0, snr_db=gates.SNR_DB[0])
            return Heard(embedding=self._nobody(), quality=nothing)
        return Heard(embedding=self._graph.embed(samples), quality=quality)

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
        return verdict.verify(left, right, point=self.deciding.point, **self._judging())

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
            sources=[_name(source) for source in files],
            replace=replace,
        )

    def identify(
        self, store: SpeakerStore, file: Source, *, top: int = TOP, rate_hz: int | None = None
    ) -> Identification:
        """Who of those in a store speaks in a clip, or that it is nobody known.

        Raises `AudioError` as `hear` does, `StoreError` where the store is of another model.
        """
        heard = self.hear(file, rate_hz=rate_hz)
        vector = heard.embedding.vector
        # Silence is near nobody, and the reason says so.
        found = store.identify(vector, top, model_digest=self.digest) if vector.any() else []
        enrolled = max(len(store.names()), len(found))
        point = self.deciding.point
        return verdict.identify(heard, found, enrolled=enrolled, point=point, **self._judging())

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
            threshold=self._threshold(clips) if method == "agglomerative" else None,
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
        for number, source in enumerate(every, start=1):
            try:
                heard = self.hear(source, rate_hz=rate_hz)
            except AudioError as error:
                wrong.append((source, str(error)))
            else:
                if objection := self.objection(heard):
                    wrong.append((source, f"{_name(source)}: {objection}"))
                else:
                    good.append((source, heard))
            if on_progress:
                on_progress(number, len(every))
        return good, wrong

    def _threshold(self, clips: Sequence[Heard]) -> float | None:
        """The cosine at which clips of middling quality are as likely of one speaker as the point asks."""
        calibration, point = self.deciding.calibration, self.deciding.point
        if calibration is None:
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
        clip = _clip(source, rate_hz=rate_hz or self._graph.rate_hz)
        if not np.isfinite(clip.samples).all():
            raise AudioError(f"{_name(source)}: holds samples that are no numbers")
        samples = audio.resample(clip, self._graph.rate_hz).samples
        return audio.from_pcm16(audio.to_pcm16(samples))

    def _nobody(self) -> Embedding:
        # Only an answer tells how long an answer of this graph is, and which measures it has.
        sound = 0.1 * np.random.default_rng(0).standard_normal(self._graph.rate_hz)
        known = self._graph.embed(sound.astype(np.float32))
        norm = None if known.norm is None else 0.0
        return Embedding(vector=np.zeros_like(known.vector), norm=norm)


def _clip(source: Source, *, rate_hz: int) -> Clip:
    if isinstance(source, Clip):
        return source
    if isinstance(source, np.ndarray):
        if source.ndim != 1:
            raise AudioError(f"samples {list(source.shape)}: want one channel, [samples]")
        return Clip(source.astype(np.float32, copy=False), rate_hz)
    if isinstance(source, Item):
        clip = audio.read(source.path, start_s=source.start_s, end_s=source.end_s)
        return Clip(clip.samples * np.float32(source.gain), clip.rate_hz)
    return audio.read(source)


def _name(source: Source) -> str:
    """What messages and the store call a clip."""
    if isinstance(source, Item):
        return str(source.path)
    return str(source) if isinstance(source, Path | str) else ""
