"""What `sonant attack` does: how far models that one holds can be pushed, and the sounds that do it.

cases.py, planning.py    which clips, and what is wanted of each
thresholds.py            from which cosine on a verifier says yes
ears.py, judging.py      bundles as their users meet them: what counts is what their graphs say of files
problems.py              the torch side: what gives a gradient
methods.py, learned.py   the attacks by name
defending.py             the defences by name
preparing.py             all of that for one run
proving.py, guessing.py  first of all: can an attack be believed, and where is the threshold
work.py                  attack, write, measure, one row a file
summary.py, outcome.py   what it comes to
report.py                the same as a page
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sonant import whole_file
from sonant.attacking import guessing, planning, proving, report, summary, work
from sonant.attacking.cases import Case
from sonant.attacking.ears import Ear, ear_of, opened
from sonant.attacking.outcome import Done
from sonant.attacking.preparing import Run, Wanted, prepared
from sonant.attacking.summary import Transfer
from sonant.attacking.thresholds import threshold_of
from sonant.attacking.work import Budget, Worker
from sonant.card import Card
from sonant.errors import Interrupted, SonantError
from sonant.events import Note, OnEvent, Working, silent
from sonant.ledger import MANIFEST, Ledger, Row

__all__ = ["Done", "Wanted", "attack"]

SUMMARY: Final = "summary.json"
TOGETHER: Final = {"cpu": 8, "cuda": 64}
"""Clips in a batch, by the kind of device."""


def attack(bundle: Path | str, wanted: Wanted, *, out: Path, on_event: OnEvent = silent) -> Done:
    """Attack the cases of a plan into `out`, going on where an earlier run of the same settings ended.

    Raises `SonantError` where the attack cannot be believed or cannot do what is asked, `ManifestError` for
    data or a folder that do not fit, and `Interrupted` when it is stopped; what is done stays.
    """
    run = prepared(opened(bundle), wanted, out, on_event)
    with Ledger.opened(out, run.settings, columns=work.COLUMNS, what="attacked clips") as book:
        left = work.left_of(book, run.plan.cases)
        proof = _proof(run, on_event) if left else _kept(run)
        guessed = guessing.threshold(run.setting, run.plan, wanted.method, on_event=on_event)
        made = _work(run, left, book, on_event) if left else 0
        rows = tuple(book[case.path] for case in run.plan.cases if case.path in book)
    if not rows:
        raise SonantError(
            f"--minutes {wanted.minutes:g}: not one batch was done in them; give more"
        )
    return _told(run, rows, made=made, proof=proof, guessed=guessed, on_event=on_event)


def _proof(run: Run, on_event: OnEvent) -> proving.Proof | None:
    bench = run.setting.bench
    if bench is None:
        on_event(Note("proof: none, there is no model to follow a gradient through"))
        return None
    some = run.plan.cases[: proving.CLIPS]
    found = proving.prove(bench, run.setting.judge, some, [run.read(case.item) for case in some])
    on_event(Note(str(found)))
    return found


def _kept(run: Run) -> proving.Proof | None:
    """The proof of the run that did the work, of which nothing is left to do."""
    file = run.out / SUMMARY
    said = json.loads(file.read_text(encoding="utf-8")).get("proof") if file.exists() else None
    if not isinstance(said, dict):
        return None
    return proving.Proof(clips=said["clips"], fallen=said["fallen"], led=said["led"])


def _work(run: Run, left: Sequence[Case], book: Ledger, on_event: OnEvent) -> int:
    """Attack what is left until the budget is spent; returns how many were done."""
    done, budget = 0, Budget(run.wanted.minutes)
    try:
        worker = Worker(
            out=run.out,
            book=book,
            settings=run.settings,
            attack=run.method.make(run.setting),
            judge=run.setting.judge,
            read=run.read,
            rate_hz=run.card.audio.rate_hz,
            bound=run.wanted.bound,
        )
        size = TOGETHER.get(run.setting.device.type, 1) if run.method.together else 1
        for some in work.batches(left, size):
            if budget.spent:
                on_event(
                    Note(f"{run.wanted.minutes:g} minutes are over: {done} of {len(left)} done")
                )
                break
            worker.run(some)
            done += len(some)
            on_event(Working(what="attacking", done=done, total=len(left)))
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped after {done} of {len(left)} clips; what is done stays, and the same command goes on "
            "with the others"
        ) from None
    return done


def _told(
    run: Run,
    rows: tuple[Row, ...],
    *,
    made: int,
    proof: proving.Proof | None,
    guessed: float | None,
    on_event: OnEvent,
) -> Done:
    """The figures, the transfer, and the page."""
    there = {row["path"] for row in rows}
    written = [case for case in run.plan.cases if case.path in there]
    remarks = [*run.plan.remarks]
    if run.threshold:
        remarks.append(f"Threshold: a cosine of {run.threshold.cosine:.4f}, {run.threshold.how}.")
    if proof:
        remarks.append(f"{proof}.")
    done = Done(
        title=run.ear.title,
        manifest=run.out / MANIFEST,
        report=run.out / report.FILE,
        summary=run.out / SUMMARY,
        rows=rows,
        made=made,
        missing=len(run.plan.cases) - len(rows),
        success=summary.share(rows, "success"),
        success_bare=summary.share(rows, "success_bare"),
        unattacked=summary.share(rows, "unattacked"),
        transfers=tuple(_transfers(run, written, on_event)) if run.wanted.transfer else (),
        proof=proof,
        threshold=run.threshold.cosine if run.threshold else None,
        guessed=guessed,
        remarks=tuple(remarks),
    )
    whole_file.write_text(done.summary, json.dumps(done.to_json(), indent=2) + "\n")
    shown = {row["path"] for row in report.shown(rows)}
    clean = {case.path: run.read(case.item) for case in written if case.path in shown}
    report.write(run.out, done, clean=clean, rate_hz=run.card.audio.rate_hz)
    return done


def _transfers(run: Run, written: Sequence[Case], on_event: OnEvent) -> list[Transfer]:
    """The victim itself, then the others."""
    found = []
    for card in (run.card, *map(opened, run.wanted.transfer)):
        ear, about = run.ear, "the goal"
        if card.path != run.card.path:
            ear, about = _other(run, card)
        told = functools.partial(_progress, on_event, f"asking {card.name}")
        found.append(
            summary.transferred(ear, written, run.out, read=run.read, about=about, on_progress=told)
        )
    return found


def _other(run: Run, card: Card) -> tuple[Ear, str]:
    """Another bundle as an ear, and what counts as a success with it."""
    cosine = None
    if card.task == "speakers" and run.plan.kind != "identifier":
        asked = replace(run.wanted.asked, split=planning.split_of(run.wanted.asked))
        cosine = threshold_of(
            card,
            planning.manifest_of(asked, card),
            split=asked.split,
            longest_s=run.wanted.longest_s,
            seed=asked.seed,
        ).cosine
    ear = ear_of(card, run.plan, threshold=cosine, rate_hz=run.card.audio.rate_hz, read=run.read)
    if card.task == run.card.task:
        return ear, "the goal"
    if card.task == "keywords":
        return ear, "another word than before"
    return ear, "no longer the same speaker"


def _progress(on_event: OnEvent, what: str, done: int, total: int) -> None:
    on_event(Working(what=what, done=done, total=total))
