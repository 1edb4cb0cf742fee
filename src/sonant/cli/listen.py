"""`sonant listen`: events in a file, a pipe or a microphone, as they happen."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.live import Live
from rich.text import Text

from sonant.cli import console

if TYPE_CHECKING:
    from sonant.listening import Frames, Listener

METER = 24
"""Characters of the level meter."""
FLOOR_DB = -60.0
"""The level that lights none of it."""
EVERY_S = 0.1
"""How often the meter moves."""


def listen(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    source: str = typer.Argument(
        "mic", help="A sound file of any length; - for stdin, WAV or 16-bit samples; or mic."
    ),
    threshold: float = typer.Option(
        None, "--threshold", min=0.0, max=1.0, help="In place of the bundle's own."
    ),
    rate_hz: int = typer.Option(
        None, "--rate", min=1, help="Hertz of bare samples on stdin; none: the bundle's rate."
    ),
    device: str = typer.Option(None, "--device", help="Which microphone: its number or name."),
    every_frame: bool = typer.Option(
        False, "--every-frame", help="Print every answer as one JSON object, too."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object an event."),
) -> None:
    """Say what is heard as it is heard: labels with their time in the stream; Ctrl-C ends it."""
    from sonant.listening import Listener, is_tuned
    from sonant.listening.sources import named
    from sonant.runtime.decision import Event

    listener = Listener.load(bundle, threshold=threshold)
    if threshold is None and not is_tuned(listener.card):
        console.show(
            f"no operating point in this bundle: the threshold is {listener.decision.threshold:g}; "
            f"give --threshold, or have one chosen for the false alarms you can bear"
        )

    def tell(event: Event) -> None:
        if json:
            console.result_json(event.to_json())
        else:
            print(f"{event.time_s:10.2f} s  {event.label}  {event.score:.3f}", flush=True)

    with (
        named(source, own_hz=listener.card.audio.rate_hz, rate_hz=rate_hz, device=device) as sound,
        _meter(listener) as draw,
    ):

        def watch(frames: Frames) -> None:
            if every_frame:
                _print_frames(frames, listener.card.labels)
            draw(frames)

        heard = listener.listen(sound, on_event=tell, on_frames=watch)
    told = ", ".join(f"{label} {count}" for label, count in sorted(heard.events.items()))
    console.show(
        f"{heard.seconds:.1f} s heard{', stopped' if heard.stopped else ''}, "
        f"{heard.count} events{f': {told}' if told else ''}"
    )
    console.next_step(f"sonant describe {bundle}", "see its latency, and how it decides")


@contextmanager
def _meter(listener: Listener) -> Iterator[Meter]:
    """A line that moves, on a terminal; nothing elsewhere."""
    if not console.say.is_terminal:
        yield Meter(None, listener)
        return
    # Events that go to a file must not be drawn into the terminal in its place.
    with Live(
        console=console.say,
        auto_refresh=False,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as live:
        yield Meter(live, listener)


class Meter:
    """Level, time, and the label that is most probable."""

    def __init__(self, live: Live | None, listener: Listener) -> None:
        self.live, self.labels = live, listener.card.labels
        self.drawn_s = -math.inf

    def __call__(self, frames: Frames) -> None:
        """Draw the last answer, unless the one before was drawn just now."""
        now_s = time.monotonic()
        if self.live is None or not len(frames.probabilities) or now_s - self.drawn_s < EVERY_S:
            return
        self.drawn_s = now_s
        self.live.update(Text(self.line(frames), no_wrap=True), refresh=True)

    def line(self, frames: Frames) -> str:
        """The meter as text."""
        share = min(1.0, max(0.0, 1 - frames.level_db / FLOOR_DB))
        level = ("█" * round(METER * share)).ljust(METER)
        last = frames.probabilities[-1]
        best = int(last.argmax())
        score = ("█" * round(METER * float(last[best]))).ljust(METER)
        return (
            f"{frames.heard_s:9.1f} s  {frames.level_db:6.1f} dB |{level}|  "
            f"{last[best]:.2f} |{score}| {self.labels[best]}"
        )


def _print_frames(frames: Frames, labels: tuple[str, ...]) -> None:
    for row, shares in enumerate(frames.probabilities.tolist()):
        found = {label: round(share, 6) for label, share in zip(labels, shares, strict=True)}
        time_s = round(frames.first_s + row * frames.hop_s, 6)
        console.result_json({"time_s": time_s, "probabilities": found})
