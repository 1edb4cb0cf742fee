"""`sonant demo`: the whole tour on words this machine speaks itself."""

from __future__ import annotations

from pathlib import Path

import typer

from sonant.cli import console


def demo(
    out: Path = typer.Option(
        Path("runs/demo"), "--out", "-o", help="Where the run goes; made anew."
    ),
    json: bool = typer.Option(False, "--json", help="Print the outcome as one JSON object."),
) -> None:
    """Make a corpus, train, evaluate, predict and write the report, in under two minutes on two cores."""
    from sonant import tour

    with console.watching() as watch:
        found = tour.tour(out, on_event=watch)
    if json:
        console.result_json(found.to_json())
        return
    console.table(
        ("figure", "value"),
        [
            ("test accuracy, unseen speakers", f"{found.test_accuracy:.2%}"),
            ("clips predicted", found.predicted),
            ("seconds", round(found.seconds, 1)),
        ],
    )
    for name, path in found.paths().items():
        print(f"{name:12}{path}")
    console.next_step(f"open {found.report}", "look at what it learned")
    console.next_step("sonant train --data YOUR_FOLDER", "the same on your own recordings")
