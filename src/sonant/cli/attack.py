"""`sonant attack`: how far a model that one holds can be pushed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from sonant.cli import console
from sonant.cli.columns import (
    AudioFolder,
    EndColumn,
    LabelColumn,
    PathColumn,
    SpeakerColumn,
    SplitColumn,
    StartColumn,
    columns,
)

if TYPE_CHECKING:
    from sonant.attacking import Done

LOUD = "How loud, how long"
OTHERS = "Defences and other models"


def attack(
    bundle: Path = typer.Argument(..., help="A bundle of speakers or keywords, or its run folder."),
    data: str = typer.Option(
        "", "--data", "-d", help="Folder, table or fetched corpus; none: the embedded corpus."
    ),
    out: Path = typer.Option(
        ..., "--out", "-o", help="Folder of the results; a second run goes on."
    ),
    split: str = typer.Option("test", "--split", help="Which clips are attacked; `all`: any."),
    method: Literal[
        "fgsm", "pgd", "cw", "universal", "hopskipjump", "nes", "fakebob", "advgan"
    ] = typer.Option("pgd", "--method", "-m", help="The attack."),
    goal: str = typer.Option(
        "", "--goal", help="accept, reject, any, or a speaker or label; none: accept or any."
    ),
    as_: Literal["verifier", "identifier", "open-identifier"] = typer.Option(
        None, "--as", help="What a bundle of speakers is used as; none: a verifier."
    ),
    enrolled: int = typer.Option(10, "--enrolled", min=2, help="People an identifier knows."),
    count: int = typer.Option(50, "--count", "-n", min=1, help="Clips."),
    epsilon: float = typer.Option(
        0.002,
        "--epsilon",
        min=0.0,
        help="Largest change of a sample, of 1; 0: any.",
        rich_help_panel=LOUD,
    ),
    snr_db: float = typer.Option(
        None, "--snr-db", help="Least ratio of speech to change.", rich_help_panel=LOUD
    ),
    steps: int = typer.Option(
        None, "--steps", min=1, help="None: the method's own.", rich_help_panel=LOUD
    ),
    queries: int = typer.Option(
        5000, "--queries", min=1, help="Of black boxes, a clip.", rich_help_panel=LOUD
    ),
    minutes: float = typer.Option(
        None, "--minutes", min=0.0, help="Begin no batch after these.", rich_help_panel=LOUD
    ),
    seconds: float = typer.Option(
        10.0, "--seconds", min=0.1, max=10.0, help="Cut longer clips.", rich_help_panel=LOUD
    ),
    transfer: list[Path] = typer.Option(
        None,
        "--transfer",
        metavar="BUNDLE",
        help="Do these fall too? Again for more.",
        rich_help_panel=OTHERS,
    ),
    against_detector: Path = typer.Option(
        None,
        "--against-detector",
        metavar="BUNDLE",
        help="A spoof detector to get past as well.",
        rich_help_panel=OTHERS,
    ),
    defence: list[str] = typer.Option(
        None,
        "--defence",
        help="quantise:BITS, resample:HZ, smooth:SIGMA, vocoder[:BUNDLE]; again for more.",
        rich_help_panel=OTHERS,
    ),
    adaptive: bool = typer.Option(
        False, "--adaptive", help="The attacker knows the defences.", rich_help_panel=OTHERS
    ),
    device: str = typer.Option("auto", "--device", help="auto, cpu, cuda, cuda:1..."),
    seed: int = typer.Option(0, "--seed", help="Another seed, other clips and draws."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
) -> None:
    """Change clips by a bounded whisper until the model errs; write, measure and report what does it."""
    from sonant import attacking
    from sonant.attacking.planning import Asked
    from sonant.attacks.bounds import Bound

    asked = Asked(
        data=data or None,
        split=split,
        columns=columns(
            path_column, label_column, speaker_column, split_column, start_column, end_column
        ),
        audio=audio,
        kind=as_,
        goal=goal,
        count=count,
        enrolled=enrolled,
        seed=seed,
    )
    wanted = attacking.Wanted(
        asked=asked,
        method=method,
        bound=Bound(epsilon=epsilon or None, snr_db=snr_db),
        steps=steps,
        queries=queries,
        minutes=minutes,
        transfer=tuple(transfer or ()),
        against_detector=against_detector,
        defences=tuple(defence or ()),
        adaptive=adaptive,
        longest_s=seconds,
        device=device,
    )
    with console.watching() as watch:
        done = attacking.attack(bundle, wanted, out=out, on_event=watch)
    _print(done, as_json=json)
    console.next_step(f"open {done.report}", "see and hear what was changed")
    if done.missing:
        console.next_step("the same command again", f"{done.missing} clips are left")
    elif not adaptive and not done.idle:
        console.next_step(
            f"sonant attack {bundle} ... --defence smooth --adaptive", "does a defence hold?"
        )


def _print(done: Done, *, as_json: bool) -> None:
    if done.idle:
        console.show("the attack did nothing: no more clips are won than without it")
    if as_json:
        console.result_json(done.to_json())
        return
    lines = [("attacked, as written", done.success)]
    if done.rows[0]["defences"] or done.rows[0]["detector"]:
        lines.append(("attacked, bare model", done.success_bare))
    lines.append(("unattacked", done.unattacked))
    lines += [(f"transfer to {one.title}", one.attacked) for one in done.transfers[1:]]
    console.table(
        ("sounds", "won", "of", "share", "95 % interval"),
        [
            (what, one.won, one.clips, f"{one.value:.1%}", "{:.1%} to {:.1%}".format(*one.interval))
            for what, one in lines
        ],
    )
    means = done.to_json()["means"]
    console.table(
        ("mean of", "value"), [(name.replace("_", " "), value) for name, value in means.items()]
    )
    console.show(f"{len(done.rows):,} clips, {done.made:,} of them now")
    console.show(f"written: {done.manifest}")
    console.show(f"written: {done.summary}")
    console.show(f"written: {done.report}")
