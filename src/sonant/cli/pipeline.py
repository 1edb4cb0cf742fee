"""`sonant pipeline`: all parts in one circle, each done once for what it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from sonant.cli import console

if TYPE_CHECKING:
    from sonant.pipeline import Done
    from sonant.pipeline.work import Expected

UNKNOWN = "-"


def pipeline(
    plan: str = typer.Argument(..., help="A TOML file, or the name of a shipped pipeline."),
    overrides: list[str] = typer.Argument(None, help="Settings, as in stages.attack.count=50."),
    out: Path = typer.Option(
        None, "--out", "-o", help="Folder of the run; none: runs/<plan>. A second run goes on."
    ),
    data: str = typer.Option(
        None, "--data", "-d", help="Folder, table or fetched corpus, for stages that name none."
    ),
    only: str = typer.Option(
        "", "--only", metavar="STAGE", help="Do this stage again, and no other."
    ),
    anew: str = typer.Option(
        "", "--from", metavar="STAGE", help="Do this stage again, and go on from there."
    ),
    engine: Literal["doit", "ray"] = typer.Option(
        "doit", "--engine", help="One after another here, or side by side on a Ray cluster."
    ),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda or cuda:N."),
    dry: bool = typer.Option(False, "--dry", help="Say what would be done, and do nothing."),
    json: bool = typer.Option(False, "--json", help="Print the outcome as one JSON object."),
) -> None:
    """Work the stages of a plan: train, convert, attack, detect, judge, round by round; one report."""
    from sonant import pipeline as work

    wanted = work.Plan.load(plan, overrides or (), data=data)
    folder = out or Path("runs") / wanted.name
    if dry:
        _print_outlook(work.outlook(wanted, folder), as_json=json)
        console.next_step("the same without --dry", "run what is not done")
        return
    with console.watching() as watch:
        done = work.run(
            wanted,
            out=folder,
            only=only,
            anew=anew,
            engine=engine,
            device=device,
            on_event=watch,
        )
    if json:
        console.result_json(done.to_json())
    else:
        _print(done)
    console.next_step(f"open {done.report}", "see the circle, its figures and its sounds")


def _print_outlook(found: Sequence[Expected], *, as_json: bool) -> None:
    if as_json:
        stages = [
            {
                "name": one.stage.name,
                **one.stage.plain(),
                "needs": list(one.stage.needs),
                "state": one.state,
                "clips": one.clips,
                "sound_s": round(one.seconds, 3),
            }
            for one in found
        ]
        console.result_json({"stages": stages})
        return
    rows = [
        (
            one.stage.name,
            one.stage.kind,
            str(one.stage.round),
            ", ".join(one.stage.needs) or UNKNOWN,
            one.state,
            f"{one.clips:,}" if one.clips else UNKNOWN,
            f"{one.seconds / 3600:.2f}" if one.seconds else UNKNOWN,
        )
        for one in found
    ]
    console.table(("stage", "kind", "round", "takes", "state", "clips", "hours"), rows)


def _print(done: Done) -> None:
    rows = [
        (name, figure.replace("_", " "), f"{value:.4g}")
        for name, figures in done.figures.items()
        for figure, value in figures.items()
    ]
    console.table(("stage", "figure", "value"), rows)
    console.show(f"run: {', '.join(done.ran) or 'nothing'}")
    console.show(f"skipped: {', '.join(done.skipped) or 'nothing'}")
    if done.missing:
        console.show(f"not done: {', '.join(done.missing)}")
    console.show(f"written: {done.report}")
