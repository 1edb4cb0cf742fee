"""The command line: each verb parses, calls one library function, and prints.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from sonant import __version__
from sonant.cli import (
    attack,
    console,
    convert,
    data,
    demo,
    describe,
    doctor,
    evaluate,
    export,
    listen,
    pipeline,
    predict,
    recipes,
    review,
    serve,
    speaker,
    spoof,
    train,
)
from sonant.cli.flags import GoogleFlags
from sonant.errors import Interrupted, MissingExtra, SonantError

TRAINING_LIBRARIES = ("torch", "onnx", "onnxscript", "tensorboard", "audiomentations")
SPINS = "10000"
"""Turns that an idle thread of GNU OpenMP waits before it sleeps: fast on a quiet and on a busy machine."""

app = typer.Typer(
    name="sonant",
    help="Short speech, from a folder of recordings to a running system.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("listen")(listen.listen)
app.command("serve", cls=GoogleFlags)(serve.serve)
app.add_typer(speaker.app, name="speaker")
app.command("convert")(convert.convert)
app.add_typer(spoof.app, name="spoof")
app.command("attack")(attack.attack)
app.command("pipeline")(pipeline.pipeline)
app.command("review")(review.review)
app.command("describe")(describe.describe)
app.command("recipes")(recipes.recipes)
app.command("doctor")(doctor.doctor)


def _version(value: bool) -> None:
    if value:
        print(f"sonant {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Short speech, from a folder of recordings to a running system."""


def main() -> None:
    """Run the command line; a `SonantError` is one clear message, never a traceback."""
    # Waiting threads that spin for long take the core from those that work: on a machine that does
    # anything else beside, training is several times slower. It must be said before torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    try:
        with console.quiet_pipe():
            app()
    except Interrupted as error:
        console.fail(str(error))
        sys.exit(130)
    except SonantError as error:
        console.fail(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_LIBRARIES:
            raise
        console.fail(str(MissingExtra(error.name, extra="train", purpose="this command")))
        sys.exit(1)
    except OSError as error:
        console.fail(f"{error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(1)
