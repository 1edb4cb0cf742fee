"""report.html of a folder of conversions: whose voice is heard, what became of melody and words, players."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from sonant import audio, page
from sonant.card import Card
from sonant.conversion.converter import usable
from sonant.converting import copies, figures
from sonant.converting.copies import Copied
from sonant.converting.ledger import MANIFEST, SEPARATOR, Row
from sonant.converting.paired import change
from sonant.errors import AudioError
from sonant.metrics import wilson_interval
from sonant.page import Html
from sonant.report.gallery import percent, picture

FILE: Final = "report.html"
SHOWN: Final = 6
"""Conversions to look at and to listen to."""
HEARD_S: Final = 5.0
"""Of each recording that the page carries."""
LISTED: Final = 200
"""Rows of the table of all conversions; the manifest has the others."""
NONE: Final = "-"
"""Where there is nothing to average."""
CONSENT: Final = (
    "These voices are synthetic. Convert only voices of people who agreed to it, and never pass the "
    "result off as a recording of them."
)


def write(out: Path, rows: Sequence[Row], *, copied: Sequence[Copied], card: Card) -> Path:
    """Write the page of `rows` into `out`, whole or not at all; returns its path."""
    body = "".join(
        (
            _summary(rows, card),
            _voices(rows, copied),
            _melody(rows),
            _words(rows),
            _parallel(rows),
            _vocoder(rows, copied),
            _gallery(out, rows),
            _all(rows),
        )
    )
    title = f"{len(rows):,} conversions"
    return page.write(out / FILE, page.document(title, body, subtitle=CONSENT))


def _summary(rows: Sequence[Row], card: Card) -> Html:
    one = rows[0]
    vocoder = one["vocoder"] if len(one["vocoder"]) < 64 else f"graph {one['vocoder'][:8]}"
    mark_db = copies.mean(figures.numbers(rows, "mark_db"))
    marked = "none" if mark_db is None else f"{mark_db:.1f} dB under the speech"
    return page.section(
        "What was made",
        page.facts(
            [
                ("conversions", f"{len(rows):,}"),
                ("sources", f"{len({row['source'] for row in rows}):,}"),
                ("voices", f"{len({row['speaker'] for row in rows}):,}"),
                ("speech", f"{sum(figures.numbers(rows, 'seconds')) / 60:.1f} min"),
                ("model", f"{card.name}/{card.version}"),
                ("vocoder", vocoder),
                ("seed", one["seed"]),
                ("melody moved", one["f0"]),
                ("watermark", marked),
            ]
        ),
        note="Every file says in its metadata that it is synthetic; manifest.csv has all scores.",
    )


def _voices(rows: Sequence[Row], copied: Sequence[Copied]) -> Html:
    moved = figures.moved_to_target(rows)
    if moved is None:
        return Html("")
    lines = [
        ("conversion, target", "cosine_target", "accepted"),
        ("source as it is, target", "cosine_unconverted", "accepted_unconverted"),
        ("conversion, its source", "cosine_source", ""),
    ]
    table = [
        (
            what,
            _mean(figures.numbers(rows, cosine)),
            *_rate(figures.shares(rows, taken) if taken else []),
        )
        for what, cosine, taken in lines
    ]
    own = [one.cosine for one in copied if one.cosine is not None]
    taken = [float(one.accepted) for one in copied if one.accepted is not None]
    table.append(("recording through the vocoder, itself", _mean(own), *_rate(taken)))
    verdict = (
        f"Conversion brings the cosine to the target {_signed(moved.mean)} from where the source was "
        f"(95 % interval {_signed(moved.low)} to {_signed(moved.high)}, p = {moved.p_value:.2g}, "
        f"{moved.pairs:,} pairs, {percent(moved.above)} of them nearer)."
    )
    return page.section(
        "Whose voice is heard",
        page.table(
            ("which two", "mean cosine", "accepted as one speaker", "95 % interval"),
            table,
            numeric=(1, 2, 3),
        ),
        note=verdict,
    )


def _melody(rows: Sequence[Row]) -> Html:
    correlation = figures.numbers(rows, "f0_correlation")
    if not correlation:
        return Html("")
    lines = [
        ("correlation of the melody with the source's", _mean(correlation)),
        (
            "from the target's mean pitch, as converted",
            _semitones(figures.apart(rows, "f0_converted_hz")),
        ),
        ("from the target's mean pitch, before", _semitones(figures.apart(rows, "f0_source_hz"))),
    ]
    return page.section(
        "Melody",
        page.table(("figure", "mean"), lines, numeric=(1,)),
        note="Of the fundamental frequency where both are voiced; --f0 moves its mean and spread.",
    )


def _words(rows: Sequence[Row]) -> Html:
    kept = figures.kept(rows)
    if not kept:
        return Html("")
    share, interval = _rate(kept)
    return page.section(
        "Words",
        page.table(
            ("figure", "share", "95 % interval"),
            [("the recogniser hears the same word before and after", share, interval)],
            numeric=(1, 2),
        ),
    )


def _parallel(rows: Sequence[Row]) -> Html:
    made, before = figures.numbers(rows, "mcd_db"), figures.numbers(rows, "mcd_unconverted_db")
    if not made:
        return Html("")
    pairs = [row for row in rows if row["mcd_db"] and row["mcd_unconverted_db"]]
    nearer = change(
        [float(row["mcd_unconverted_db"]) - float(row["mcd_db"]) for row in pairs],
        sources=[row["source"] for row in pairs],
        voices=[row["speaker"] for row in pairs],
    )
    return page.section(
        "The same sentence as the target says it",
        page.table(
            ("which two", "mel-cepstral distortion"),
            [
                ("conversion, target's own recording", f"{_mean(made)} dB"),
                ("source as it is, target's own recording", f"{_mean(before)} dB"),
            ],
            numeric=(1,),
        ),
        note=(
            f"{len(pairs):,} pairs; {_signed(nearer.mean)} dB nearer (95 % interval "
            f"{_signed(nearer.low)} to {_signed(nearer.high)}), aligned by dynamic time warping."
        ),
    )


def _vocoder(rows: Sequence[Row], copied: Sequence[Copied]) -> Html:
    if not copied:
        return Html("")
    lines = [("mel-cepstral distortion", f"{_mean([one.mcd_db for one in copied])} dB")]
    for what, values in (
        ("STOI", [one.stoi for one in copied]),
        ("PESQ, wideband", [one.pesq for one in copied]),
    ):
        there = [value for value in values if value is not None]
        lines += [(what, _mean(there))] if there else []
    return page.section(
        "The vocoder by itself",
        page.table(("copies against their recordings", "mean"), lines, numeric=(1,)),
        note=f"{len(copied)} recordings, turned into a spectrogram and back, nothing converted.",
    )


def _gallery(out: Path, rows: Sequence[Row]) -> Html:
    with_plots = [row for row in rows if _plot(out, row).is_file()]
    shown = (with_plots or list(rows))[:SHOWN]
    return page.section("Listen", page.cards(_card(out, row) for row in shown))


def _card(out: Path, row: Row) -> Html:
    name = Path(row["path"]).stem
    parts = [f"<h3>{page.text(name)}</h3>"]
    plot = _plot(out, row)
    if plot.is_file():
        parts.append(picture(plot.read_bytes(), alt=f"Spectrograms of {name}"))
    voice = row["voice_files"].split(SEPARATOR)[0]
    heard = (("source", row["source"]), ("converted", out / row["path"]), ("target", voice))
    parts += [f"<p>{what}</p>{_player(Path(path))}" for what, path in heard]
    if row["cosine_target"]:
        tone: page.Tone = "good" if row["accepted"] == "yes" else "note"
        parts.append(f"<p>{page.badge('cosine ' + row['cosine_target'][:5], tone=tone)}</p>")
    return Html("".join(parts))


def _player(path: Path) -> Html:
    try:
        clip = audio.read(path)
        clip = usable(clip, str(path), rate_hz=min(clip.rate_hz, 16_000))
    except AudioError as error:
        return Html(f"<p>{page.badge('gone', tone='warning')} {page.text(error)}</p>")
    start = audio.to_pcm16(clip.samples[: round(HEARD_S * clip.rate_hz)])
    target = io.BytesIO()
    soundfile.write(target, start, clip.rate_hz, format="WAV")
    return page.audio(target.getvalue())


def _all(rows: Sequence[Row]) -> Html:
    scores = ("cosine_target", "cosine_source", "f0_correlation", "mcd_db", "heard")
    used = [name for name in scores if any(row[name] for row in rows)]
    table = page.table(
        ("file", "seconds", *(name.replace("_", " ") for name in used)),
        [
            (Path(row["path"]).name, row["seconds"], *(row[name] for name in used))
            for row in rows[:LISTED]
        ],
        numeric=range(1, 2 + len(used)),
    )
    more = f" The first {LISTED} of {len(rows):,};" if len(rows) > LISTED else ""
    return page.section(
        "Every conversion",
        page.fold("Show the table", table),
        note=f"{more} all are in {MANIFEST}.",
    )


def _plot(out: Path, row: Row) -> Path:
    return out / "plot" / f"{Path(row['path']).stem}.png"


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}" if len(values) else NONE


def _semitones(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} semitones" if values else NONE


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _rate(taken: Sequence[float]) -> tuple[str, str]:
    """A share and its interval, as cells."""
    if not taken:
        return NONE, NONE
    low, high = wilson_interval(round(sum(taken)), len(taken))
    return percent(float(np.mean(taken))), f"{percent(low)} to {percent(high)}"
