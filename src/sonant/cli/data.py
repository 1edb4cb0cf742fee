"""`sonant data`: make, fetch and check recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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

app = typer.Typer(help="Make, fetch and check recordings.", no_args_is_help=True)


@app.command()
def synth(
    out: Path = typer.Argument(..., help="Folder to make; it must not exist."),
    words: str = typer.Option("", "--words", help="Words to speak, as in yes,no,stop."),
    speakers: int = typer.Option(None, "--speakers", min=3, help="How many voices."),
    takes: int = typer.Option(None, "--takes", min=1, help="Clips of each word by each voice."),
    rate_hz: int = typer.Option(None, "--rate-hz", min=4000, help="Sample rate."),
    seed: int = typer.Option(0, "--seed", help="Another seed, other voices and noise."),
    engine: Literal["auto", "espeak", "formant"] = typer.Option("auto", "--engine", help="Voice."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Speak a corpus on this machine: many voices, noise and levels, disjoint speakers in the splits."""
    from sonant.data import synth as library

    chosen = {
        "words": tuple(word.strip() for word in words.split(",") if word.strip()) or None,
        "speakers": speakers,
        "takes": takes,
        "rate_hz": rate_hz,
    }
    config = library.SynthConfig(seed=seed, **{n: v for n, v in chosen.items() if v is not None})  # type: ignore[arg-type]
    with console.watching() as watch:
        manifest = library.make(
            out,
            config,
            engine=engine,
            on_progress=watch.progress("speaking"),
            on_note=console.show,
        )
    counts = {split: len(manifest.where(split=split)) for split in manifest.splits}
    if json:
        console.result_json({"out": str(out), "clips": len(manifest), "splits": counts})
    else:
        console.table(("split", "clips"), list(counts.items()), title=str(out))
    console.next_step(f"sonant train --data {out}", "train on it")


@app.command()
def fetch(
    name: str = typer.Argument("", help="A known corpus; none lists them."),
    out: Path = typer.Option(None, "--out", "-o", help="Folder; none: sonant's own cache."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Download a known corpus, checked and resumable, and unpack it safely."""
    from sonant.data import corpora, sources
    from sonant.data import fetch as library

    if not name:
        rows = [(n, f"{c.bytes / 1e6:,.0f} MB", c.licence) for n, c in corpora.CORPORA.items()]
        console.table(("corpus", "download", "licence"), rows)
        console.next_step("sonant data fetch mini_speech_commands", "download the smallest")
        return
    with console.watching() as watch:
        folder = library.fetch(
            name,
            out or sources.corpora_folder(),
            on_progress=watch.progress("fetching"),
            on_note=console.show,
        )
    if json:
        console.result_json({"corpus": name, "folder": str(folder)})
    else:
        print(folder)
    console.next_step(f"sonant data check {folder}", "see that the recordings are sound")


@app.command()
def check(
    data: str = typer.Argument(..., help="Folder, CSV, JSON lines or fetched corpus."),
    rate_hz: int = typer.Option(
        None, "--rate-hz", help="The rate all should have; none: the commonest."
    ),
    min_s: float = typer.Option(0.1, "--min-s", help="A clip shorter than this is too short."),
    html: Path = typer.Option(None, "--html", help="Write the findings as a page."),
    strict: bool = typer.Option(False, "--strict", help="Exit with 1 if anything is found."),
    path_column: PathColumn = "",
    label_column: LabelColumn = "",
    speaker_column: SpeakerColumn = "",
    split_column: SplitColumn = "",
    start_column: StartColumn = "",
    end_column: EndColumn = "",
    audio: AudioFolder = None,
    json: bool = typer.Option(False, "--json", help="Print the findings as one JSON object."),
) -> None:
    """Look for what spoils a training: damaged, silent, clipped, doubled, mislabelled or leaking clips."""
    from sonant import page
    from sonant.data import audit as library
    from sonant.data import audit_page, sources

    table = columns(
        path_column, label_column, speaker_column, split_column, start_column, end_column
    )
    with console.watching() as watch:
        manifest = sources.load(data, columns=table, audio=audio, on_event=watch)
        found = library.audit(
            manifest, rate_hz=rate_hz, min_s=min_s, on_progress=watch.progress("reading")
        )
    if html:
        page.write(html, audit_page.render(found, title=f"Check of {data}"))
    if json:
        console.result_json(found.to_json())
    else:
        console.table(
            ("kind", "severity", "clips", "for example"), library.audit_table(found), title=data
        )
    console.next_step(f"sonant train --data {data}", "train on it")
    if strict and not found.ok:
        raise typer.Exit(1)


@app.command()
def cache(
    clear: bool = typer.Option(False, "--clear", help="Remove what is listed."),
    older_than: float = typer.Option(
        0.0,
        "--older-than",
        min=0.0,
        metavar="DAYS",
        help="Only what was not used for so many days.",
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """List the decoded clips that are kept, with size and last use; they can always be made again."""
    from sonant.data import stores
    from sonant.data.cache import clips_folder

    found = stores.kept(clips_folder(), unused_days=older_than)
    if clear:
        stores.remove(found)
    if json:
        rows = [store.to_json() for store in found]
        console.result_json({"folder": str(clips_folder()), "removed": clear, "stores": rows})
        return
    console.table(
        ("store", "clips", "rate_hz", "MB", "days since used"),
        [(s.name, s.clips, s.rate_hz, f"{s.bytes / 1e6:,.1f}", f"{s.days:.1f}") for s in found],
        title=f"{clips_folder()}{': removed' if clear else ''}",
    )
    total = sum(store.bytes for store in found) / 1e6
    console.show(f"{len(found)} stores, {total:,.1f} MB{' removed' if clear else ''}")
    if found and not clear:
        console.next_step("sonant data cache --clear --older-than 30", "remove what lies idle")
