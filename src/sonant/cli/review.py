"""`sonant review`: name what a bundle heard in long audio, for the next training."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sonant.cli import console
from sonant.errors import SonantError

if TYPE_CHECKING:
    from sonant.reviewing import Answers, Finding


def review(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    long_audio: Path = typer.Argument(..., help="Long recordings: a file, a folder or a table."),
    labels: Path = typer.Option(
        None, "--labels", help="What is really said: a table of path, label, start and end."
    ),
    out: Path = typer.Option(
        Path("reviewed.csv"), "--out", "-o", help="The manifest that grows; clips go beside it."
    ),
    only_list: bool = typer.Option(False, "--list", help="Write the clips, but ask nothing."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object a clip; ask nothing."),
) -> None:
    """List every event as a clip, or false alarms and misses where labels are known; take a name for each."""
    from sonant import reviewing
    from sonant.card import Card, find

    card = Card.read(find(bundle))
    folder = out.parent / f"{out.stem}_clips"
    answers = reviewing.Answers(out)
    with console.watching() as watch:
        found = [
            reviewing.cut(one, folder, rate_hz=card.audio.rate_hz)
            for one in reviewing.findings(bundle, long_audio, table=labels, on_event=watch)
        ]
    asks = sys.stdin.isatty() and console.say.is_terminal and not (only_list or json)
    if asks:
        _ask(answers.open(found), answers, reviewing.keys(card.labels))
    else:
        _list(found, as_json=json)
    if not found:
        console.show("nothing was heard")
    elif not asks:
        console.show(f"{len(found)} clips in {folder}")
    if answers.items:
        console.show(f"{len(answers.items)} rows in {out}")
    console.next_step(f"sonant train --from {bundle} --data {out}", "learn from what was named")


def _list(found: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            console.result_json(one.to_json())
        return
    console.table(
        ("what", "label", "score", "from", "to", "recording", "clip"),
        [
            (
                *(one.kind, one.label, round(one.score, 3)),
                *(f"{one.start_s:.2f} s", f"{one.end_s:.2f} s", one.path.name, one.clip.name),
            )
            for one in found
        ],
    )


def _ask(found: Sequence[Finding], answers: Answers, keys: dict[str, str]) -> None:
    """One key a clip, until there are no more or somebody has enough."""
    listed = "  ".join(f"{key} {label}" for key, label in keys.items())
    console.show(f"{listed}  space skips  p plays  q quits")
    for number, one in enumerate(found, start=1):
        console.show(
            f"{number}/{len(found)}  {one.kind}: {one.label} {one.score:.3f}, "
            f"{one.start_s:.2f} s of {one.path.name}  {one.clip}"
        )
        key = next(_keys(one, keys))
        if key == "q":
            return
        if key in keys:
            answers.add(one, keys[key])
            console.show(f"  {keys[key]}")


def _keys(one: Finding, keys: dict[str, str]) -> Iterator[str]:
    """Keys that mean something; the clip is played as often as asked."""
    from sonant import reviewing

    while True:
        key = typer.getchar()
        if key in ("\x03", "\x04"):
            raise KeyboardInterrupt
        if key == "p":
            try:
                reviewing.play(one.clip)
            except SonantError as error:
                console.show(str(error))
        elif key in keys or key in (" ", "q"):
            yield key
