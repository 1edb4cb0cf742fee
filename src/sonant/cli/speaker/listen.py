"""`sonant speaker listen`: who speaks in a file, a pipe or a microphone, while they speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sonant.cli import console
from sonant.cli.speaker.options import Model, Store
from sonant.cli.speaker.voices import calibrating, open_store

if TYPE_CHECKING:
    from sonant.speakers.following import Moment


def listen(
    source: str = typer.Argument(
        "mic", help="A sound file of any length; - for stdin, WAV or 16-bit samples; or mic."
    ),
    *,
    model: Model,
    store: Store = "",
    every: float = typer.Option(0.5, "--every", min=0.1, help="Seconds from answer to answer."),
    pause: float = typer.Option(
        1.0, "--pause", min=0.5, help="Seconds without speech after which it may be somebody else."
    ),
    last_only: bool = typer.Option(
        False, "--last-only", help="One answer an utterance, when it is over."
    ),
    rate_hz: int = typer.Option(
        None, "--rate", min=1, help="Hertz of bare samples on stdin; none: the bundle's rate."
    ),
    device: str = typer.Option(None, "--device", help="Which microphone: its number or name."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object an answer."),
) -> None:
    """Say who of those enrolled speaks, or nobody known, as speech comes in; Ctrl-C ends it."""
    from sonant.listening.sources import named
    from sonant.speakers.following import Following
    from sonant.speakers.model import SpeakerModel

    speaker_model = SpeakerModel.load(model, threads=1)
    if speaker_model.deciding.calibration is None:
        console.next_step(*calibrating(model))

    def tell(moments: list[Moment]) -> None:
        for moment in moments:
            if moment.is_last or not last_only:
                _tell(moment, as_json=json)

    with (
        open_store(store) as kept,
        named(source, own_hz=speaker_model.rate_hz, rate_hz=rate_hz, device=device) as sound,
    ):
        following = Following(speaker_model, kept, every_s=every, pause_s=pause)
        stopped = ""
        try:
            for block in sound.at(speaker_model.rate_hz):
                tell(following.push(block))
        except KeyboardInterrupt:
            stopped = ", stopped"
        tell(following.finish())
    console.show(f"{following.seconds:.1f} s heard{stopped}")
    console.next_step(f"sonant speaker identify FILE --model {model}", "ask about a recording")


def _tell(moment: Moment, *, as_json: bool) -> None:
    if as_json:
        console.result_json(moment.to_json())
        return
    found = moment.found
    best = found.candidates[0] if found.candidates else None
    named = found.name or found.decision
    if best is not None and best.llr is not None and best.probability is not None:
        figures = f"LLR {best.llr:6.2f}  P {best.probability:.3f}"
        named += "" if found.name else f" (nearest {best.name})"
    else:
        figures = found.reason
    end = ", over" if moment.is_last else ""
    speech = f"{found.speech_s:5.2f} s of speech"
    print(f"{moment.end_s:10.2f} s  {speech}  {figures}  {named}{end}", flush=True)
