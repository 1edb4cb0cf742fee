"""How the command line speaks: results on stdout, everything else on stderr, plain lines off a terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from sonant.events import EpochDone, Event, Note, Stepped, Working

PLAIN_SECONDS = 10.0
"""Off a terminal, a line of progress no more often than this."""
CLOSED_PIPE = 141
"""The exit code of a program that SIGPIPE ended, as shells report it."""

say = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def show(text: str) -> None:
    """A line for the person at the terminal."""
    say.print(text, markup=False, soft_wrap=True)


def next_step(command: str, why: str) -> None:
    """Every command ends by naming the next one."""
    say.print(f"next: {command}    {why}", markup=False, style="dim", soft_wrap=True)


def result_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A table on stdout."""
    drawn = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        numeric = bool(rows) and isinstance(rows[0][number], int | float)
        drawn.add_column(
            column,
            justify="right" if numeric else "left",
            no_wrap=number == 0,  # a name that is broken in two cannot be copied
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    out.print(drawn)


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("[", r"\[")


class Watch:
    """Draws the events of long work: bars on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=say,
            transient=True,
        )
        self.task: TaskID | None = None
        self.what = ""
        self.began = 0.0
        self.spoke = 0.0

    def __call__(self, event: Event) -> None:
        """Draw an event."""
        match event:
            case Note(text):
                show(text)
            case Working(what=what, done=done, total=total):
                self._advance(what, done, total)
            case Stepped(epoch=epoch, epochs=epochs, step=step, steps=steps, loss=loss):
                self._advance(f"epoch {epoch}/{epochs}", step, steps, f"loss {loss:.4f} ")
            case EpochDone():
                self._epoch(event)

    def progress(self, what: str) -> Any:
        """A `(done, total)` callback under a name."""
        return lambda done, total: self._advance(what, done, total)

    def _advance(self, what: str, done: int, total: int, extra: str = "") -> None:
        now = time.monotonic()
        if what != self.what:
            self.what, self.began, self.spoke = what, now, now
            self._drop_bar()
        rate = done / max(now - self.began, 1e-3)
        if say.is_terminal:
            if self.task is None:
                self.bars.start()
                self.task = self.bars.add_task(what, total=total, rate="")
            self.bars.update(self.task, completed=done, total=total, rate=f"{extra}{rate:,.0f}/s")
            if done >= total:
                self._drop_bar()
        elif now - self.spoke >= PLAIN_SECONDS:
            self.spoke = now
            left = (total - done) / max(rate, 1e-9)
            show(f"{what}: {done}/{total} {extra}{rate:,.0f}/s, {left:,.0f} s left")

    def _drop_bar(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.bars.stop()
            self.task = None

    def _epoch(self, event: EpochDone) -> None:
        row = event.row
        figures = []
        for side, word in (("train", ""), ("validation", "validation ")):
            if f"{side}_loss" in row:
                figures.append(f"{word}loss {row[f'{side}_loss']:.4f}")
            if f"{side}_accuracy" in row:
                figures.append(f"accuracy {row[f'{side}_accuracy']:.2%}")
        if "validation_eer" in row:
            figures.append(f"validation EER {row['validation_eer']:.2%}")
        figures.append(f"{row['clips_per_second']:,.0f} clips/s")
        mark = "  best" if event.best else ""
        show(f"epoch {int(row['epoch'])}/{event.epochs}  {'  '.join(figures)}{mark}")

    def close(self) -> None:
        """Leave the terminal clean."""
        self._drop_bar()


@contextmanager
def watching() -> Iterator[Watch]:
    """A `Watch` for the time of a command."""
    watch = Watch()
    try:
        yield watch
    finally:
        watch.close()


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """End without a word, with 141 as a shell says it, when whoever reads the output has gone (`| head`).

    Typer and rich turn a closed pipe into an exit with 1, which here means that something failed.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, where it can be answered, and not at the interpreter's end
    except BrokenPipeError:
        _leave_pipe()
    except SystemExit as left:
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        _leave_pipe()


def _leave_pipe() -> None:
    """What is left in the buffers goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    sys.exit(CLOSED_PIPE)


def fail(message: str) -> None:
    """An error, in red where there is colour."""
    if say.is_terminal:
        say.print("error:", style="bold red", end=" ")
        say.print(message, markup=False, soft_wrap=True)
    else:
        print(f"error: {message}", file=sys.stderr)
