"""report.html of an attack: how many clips fell, how loud it was, who else fell, examples to hear and see."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from sonant import audio, page
from sonant.attacking import summary
from sonant.attacking.outcome import Done
from sonant.attacking.summary import Share, Transfer
from sonant.attacking.work import YES
from sonant.audio import Samples
from sonant.conversion.voice_mel import log_mel
from sonant.ledger import MANIFEST, Row
from sonant.nn.voice_mel_config import VoiceMel
from sonant.page import Html
from sonant.plots.mels import mels
from sonant.report.gallery import percent, picture

FILE: Final = "report.html"
SHOWN: Final = 4
HEARD_S: Final = 5.0
"""Of each sound that the page carries."""
LISTED: Final = 200
MELS: Final = 64
PURPOSE: Final = (
    "An evaluation of the robustness of models one holds. The sounds are changed to mislead these models; "
    "keep them where nobody takes them for recordings."
)
UNITS: Final[Mapping[str, str]] = {
    "snr_db": "speech against noise, dB",
    "max_noise": "largest change of a sample",
    "stoi": "STOI",
    "pesq": "PESQ, wideband",
    "queries": "times the victim was asked",
    "took_s": "seconds a clip",
    "score_before": "margin before",
    "score_after": "margin after",
}


def write(out: Path, done: Done, *, clean: Mapping[str, Samples], rate_hz: int) -> Path:
    """Write the page into `out`; `clean` are the sounds before of those that are shown, by path."""
    body = "".join(
        (
            _what(done),
            _success(done),
            _means(done.rows),
            _transfer(done.transfers),
            _examples(out, done.rows, clean, rate_hz=rate_hz),
            _all(done.rows),
        )
    )
    title = f"{done.rows[0]['method']} on {done.title}"
    return page.write(out / FILE, page.document(title, body, subtitle=PURPOSE))


def shown(rows: Sequence[Row]) -> list[Row]:
    """The first that fell, then others."""
    fallen = [row for row in rows if row["success"] == YES]
    return [*fallen, *(row for row in rows if row["success"] != YES)][:SHOWN]


def _what(done: Done) -> Html:
    row = done.rows[0]
    facts = [
        ("victim", f"{done.title}, {row['victim'][:12]}…"),
        ("as", row["as"]),
        ("goal", row["goal"]),
        ("method", row["method"]),
        ("largest change", row["epsilon"] or "any"),
        ("least SNR", f"{row['least_snr_db']} dB" if row["least_snr_db"] else "any"),
        ("steps", row["steps"] or "the method's own"),
        ("seed", row["seed"]),
        ("threshold", row["threshold"] or "none"),
        ("defences", row["defences"] or "none"),
        ("known to the attacker", row["adaptive"]),
        ("spoof detector", row["detector"][:12] or "none"),
    ]
    return page.section("What was attacked", page.facts(facts), note=" ".join(done.remarks))


def _success(done: Done) -> Html:
    rows = done.rows
    lines = [("attacked, as written", summary.share(rows, "success"))]
    if rows[0]["defences"] or rows[0]["detector"]:
        lines.append(("attacked, bare model", summary.share(rows, "success_bare")))
    lines.append(("unattacked, rounded to 16 bits", summary.share(rows, "unattacked")))
    note = "The attack did nothing: no more clips are won than without it." if done.idle else ""
    return page.section(
        "How many clips are won",
        page.table(
            ("sounds", "won", "of", "share", "95 % interval"),
            [(what, one.won, one.clips, *_share(one)) for what, one in lines],
            numeric=(1, 2, 3, 4),
        ),
        note=note,
    )


def _means(rows: Sequence[Row]) -> Html:
    found = summary.means(rows)
    table = [(UNITS[name], f"{value:.4g}") for name, value in found.items()]
    return page.section(
        "How loud, how long",
        page.table(("mean of", "value"), table, numeric=(1,)),
        note="A margin above 0 means that the attacker has what he wants.",
    )


def _transfer(transfers: Sequence[Transfer]) -> Html:
    if not transfers:
        return Html("")
    return page.section(
        "Who else falls",
        page.table(
            ("bundle", "success there is", "unattacked", "attacked", "95 % interval"),
            [
                (one.title, one.about, percent(one.unattacked.value), *_share(one.attacked))
                for one in transfers
            ],
            numeric=(2, 3, 4),
        ),
        note="The same written clips, none of them made with these bundles in view but the first.",
    )


def _examples(
    out: Path, rows: Sequence[Row], clean: Mapping[str, Samples], *, rate_hz: int
) -> Html:
    cards = [
        _card(out, row, clean[row["path"]], rate_hz=rate_hz)
        for row in shown(rows)
        if row["path"] in clean
    ]
    return page.section("Listen", page.cards(cards))


def _card(out: Path, row: Row, clean: Samples, *, rate_hz: int) -> Html:
    changed = audio.read(out / row["path"]).samples
    start = round(HEARD_S * rate_hz)
    sounds = {
        "clean": clean[:start],
        "changed": changed[:start],
        "noise": (changed - clean)[:start],
    }
    settings = VoiceMel(mels=MELS, max_hz=rate_hz / 2)
    pictures = {
        name: log_mel(np.ascontiguousarray(one), settings, rate_hz=rate_hz)
        for name, one in sounds.items()
    }
    png = mels(pictures, hop_s=settings.hop_length / rate_hz)
    name = Path(row["path"]).stem
    parts = [f"<h3>{page.text(name)}</h3>", picture(png, alt=f"Spectrograms of {name}")]
    parts += [f"<p>{what}</p>{_player(sounds[what], rate_hz)}" for what in ("clean", "changed")]
    tone: page.Tone = "error" if row["success"] == YES else "good"
    said = f"{'not ' if row['away'] == YES else ''}{row['answer']}: {row['score_after']}"
    parts.append(f"<p>{page.badge(said, tone=tone)}</p>")
    return Html("".join(parts))


def _player(samples: Samples, rate_hz: int) -> Html:
    target = io.BytesIO()
    soundfile.write(target, audio.to_pcm16(samples), rate_hz, format="WAV")
    return page.audio(target.getvalue())


def _all(rows: Sequence[Row]) -> Html:
    columns = (
        "claim_speaker",
        "answer",
        "score_before",
        "score_after",
        "success",
        "snr_db",
        "stoi",
    )
    table = page.table(
        ("file", *(name.replace("_", " ") for name in columns)),
        [(Path(row["path"]).name, *(row[name] for name in columns)) for row in rows[:LISTED]],
        numeric=(3, 4, 6, 7),
    )
    more = f"The first {LISTED} of {len(rows):,}; " if len(rows) > LISTED else ""
    return page.section(
        "Every clip", page.fold("Show the table", table), note=f"{more}all are in {MANIFEST}."
    )


def _share(one: Share) -> tuple[str, str]:
    low, high = one.interval
    return percent(one.value), f"{percent(low)} to {percent(high)}"
