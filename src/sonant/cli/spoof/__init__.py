"""`sonant spoof`: train a detector of forged speech, ask it, and look for what it should not learn."""

from __future__ import annotations

import typer

from sonant.cli.spoof import corpus, detect, marks, shortcuts

app = typer.Typer(
    help="Tell forged speech: train, score, join, audit, inspect, equalise.", no_args_is_help=True
)
app.command("train")(detect.train)
app.command("score")(detect.score)
app.command("calibrate")(detect.calibrate)
app.command("corpus")(corpus.corpus)
app.command("audit")(shortcuts.audit)
app.command("inspect")(marks.inspect)
app.command("equalise")(shortcuts.equalise)
