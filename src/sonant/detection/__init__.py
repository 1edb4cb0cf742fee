"""What `sonant evaluate --stream` does: clips as a stream, and events in long audio; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sonant import page
from sonant.card import Card, find
from sonant.data import sources
from sonant.data.held_out import as_trained
from sonant.data.preparation import only
from sonant.detection.asking import Asking
from sonant.detection.asking import Listening as Listening
from sonant.evaluation import ALL, evaluate
from sonant.events import OnEvent, Working, silent
from sonant.listing.names import canonical_split
from sonant.manifest import Columns, Manifest
from sonant.report import detection as drawn
from sonant.runtime.session import StreamGraph
from sonant.tally import StreamReport

HELD_OUT: Final = "validation"
"""The split a threshold is chosen on, unless that is reported on itself."""


def assess_stream(
    bundle: Path | str,
    data: Manifest | Path | str | None = None,
    *,
    listening: Listening,
    split: str = "test",
    labels: Sequence[str] = (),
    unknown_as: str | None = None,
    columns: Columns | None = None,
    audio: Path | None = None,
    write_to: Path | None = None,
    on_event: OnEvent = silent,
) -> StreamReport:
    """Score a bundle on streams: its clips in three ways, events in stitched and in long audio.

    With `listening.per_hour` a threshold is chosen on the validation split and on every second long
    recording, reported on with the rest, and stored in a next version of the bundle. Raises
    `BundleError` where the bundle does not stream.
    """
    card = Card.read(find(Path(bundle)))
    graph = StreamGraph(card)
    manifest = sources.load(data, columns=columns, audio=audio, on_event=on_event)
    if split != ALL:
        manifest = as_trained(card, manifest, unknown_as=unknown_as, wanted=split)
    manifest = only(manifest, tuple(labels))
    is_free = canonical_split(split) not in (ALL, HELD_OUT)
    held_out = manifest.where(split=HELD_OUT).items if is_free else ()
    asking = Asking.about(graph, listening, held_out, tell=on_event)
    whole = evaluate(
        card.path,
        manifest,
        split=split,
        unknown_as=unknown_as,
        on_progress=lambda done, total: on_event(
            Working(what="evaluating", done=done, total=total)
        ),
    )
    found = asking.report(whole)
    if write_to is not None:
        page.write(write_to, drawn.render(found, title=f"{card.name} on streams of {whole.data}"))
    return found
