"""Many clips heard once each, side by side: their embeddings, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.runtime.reading import usable_cores
from sonant.speakers.model import Progress, SpeakerModel
from sonant.speakers.verdict import Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What came of hearing clips, by their names."""

    heard: Mapping[str, Heard]
    """Those with enough speech."""
    left_out: Mapping[str, str]
    """Those that cannot be read or have not enough speech, and why."""
    unreadable: int
    """How many of these cannot be read."""


def hear(
    model: SpeakerModel,
    names: Sequence[str],
    items: Sequence[Item],
    *,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Hearing:
    """Hear each clip once with `workers` threads (None: one a core); `items` are the clips of `names`.

    The answers depend neither on the threads nor on their order, where the model was opened with one thread
    of its own. Raises `BundleError` when the graph fails.
    """
    heard: dict[str, Heard] = {}
    left_out: dict[str, str] = {}
    unreadable = 0
    pool = ThreadPoolExecutor(workers or usable_cores(), thread_name_prefix="hear")
    try:
        found = pool.map(lambda item: _hear(model, item), items)
        for number, (name, one) in enumerate(zip(names, found, strict=True), start=1):
            if isinstance(one, str):
                left_out[name] = one
                unreadable += 1
            elif objection := model.objection(one):
                left_out[name] = f"{name}: {objection}"
            else:
                heard[name] = one
            if on_progress:
                on_progress(number, len(items))
    finally:
        pool.shutdown(cancel_futures=True)
    return Hearing(heard=heard, left_out=left_out, unreadable=unreadable)


def _hear(model: SpeakerModel, item: Item) -> Heard | str:
    """A clip, or why it cannot be read."""
    try:
        return model.hear(item)
    except AudioError as error:
        return str(error)
