"""The findings of `sonant data check` as one page, with players for what wants a listener."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterable, Sequence

import soundfile

from sonant import audio, page
from sonant.data.audit import KINDS, Audit, Finding, Kind, LabelRow
from sonant.data.probe import Probe
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.page import Html

SHOWN = 40
"""Findings of one kind listed on the page; `--json` has them all."""
PLAYERS, PLAYERS_PER_KIND = 20, 4
"""Clips that can be heard: in all, and of one kind."""
PLAYER_S = 6.0
"""Seconds of a clip that are carried in the page."""
EXTREMES = 6
"""Clips listed at either end of a measurement."""
BINS = 40
SILENCE_DB = -100.0
"""What digital silence is drawn as."""
HEARD = frozenset(
    {"clipped", "too_short", "off_rate", "same_audio", "speaker_in_splits", "label_name"}
)
"""Kinds that a listener can judge."""


def render(result: Audit, *, title: str = "Data check") -> str:
    """The whole page as HTML text; write it with `sonant.page.write`."""
    heights = "The heights of the bars are logarithmic, so that single clips show."
    parts = [
        _summary(result),
        page.section("Findings", _findings(result), note=_verdict(result)),
        page.section("Labels", _labels(result)),
        page.section("Lengths and levels", _measurements(result), note=heights),
    ]
    return page.document(title, "\n".join(parts), subtitle=result.manifest.name)


def _summary(result: Audit) -> Html:
    """The first things to know about the set."""
    labels = sum(row.label != "" for row in result.labels)
    rates = ", ".join(f"{rate / 1000:g} kHz" for rate in result.rates) or "none"
    pairs: list[tuple[str, object]] = [
        ("Clips", f"{result.clips:,}"),
        ("Length", _length(result.seconds)),
        ("Labels", f"{labels:,}" if labels else "none"),
        ("Speakers", f"{result.speakers:,}" if result.speakers else "unknown"),
        ("Sample rate", rates),
    ]
    return page.facts([*pairs, *((f"In {name}", f"{n:,}") for name, n in result.splits.items())])


def _length(seconds: float) -> str:
    """Seconds as a reader says them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _verdict(result: Audit) -> str:
    if not result.findings:
        return "Nothing was found."
    return "Nothing that needs mending." if result.ok else "Worth mending before training."


def _findings(result: Audit) -> str:
    """An overview, then each kind with what it means, what to do, and its clips."""
    if not result.findings:
        return page.badge("All clear", tone="good")
    groups = {
        kind: sorted(found, key=lambda finding: _RANK[finding.severity])
        for kind in KINDS
        if (found := [f for f in result.findings if f.kind == kind])
    }
    rows = [
        (_mark(found[0]), _link(kind), KINDS[kind].meaning, f"{len(found):,}")
        for kind, found in groups.items()
    ]
    shorten = _shortener(result.manifest.items)
    heard = 0
    parts = [page.table(["", "Kind", "Meaning", "Findings"], rows, numeric=[3])]
    for kind, found in groups.items():
        wanted = min(PLAYERS_PER_KIND, PLAYERS - heard) if kind in HEARD else 0
        heard += min(wanted, len(found))
        players = [_player(finding) for finding in found[:wanted]]
        parts.append(_kind(found, players=players, shorten=shorten))
    return "\n".join(parts)


_RANK = {"error": 0, "warning": 1, "note": 2}


def _link(kind: Kind) -> Html:
    return Html(f'<a href="#{kind}">{page.text(KINDS[kind].title)}</a>')


def _mark(finding: Finding) -> Html:
    return page.badge(finding.severity, tone=finding.severity)


def _kind(
    found: Sequence[Finding], *, players: Sequence[Html], shorten: Callable[[str], str]
) -> Html:
    """One kind of finding: its heading, its advice and its table."""
    about = KINDS[found[0].kind]
    shown = found[:SHOWN]
    sounds = [*players, *[Html("")] * (len(shown) - len(players))]
    rows = [
        (_mark(finding), shorten(finding.message), sound)
        for finding, sound in zip(shown, sounds, strict=True)
    ]
    listing = (
        page.table(["", "What", "Listen"], rows)
        if players
        else page.table(["", "What"], [row[:2] for row in rows])
    )
    more = len(found) - len(shown)
    rest = f'<p class="remark">And {more:,} more; --json lists them all.</p>' if more else ""
    return Html(
        f'<h3 id="{found[0].kind}">{page.text(about.title)}</h3>'
        f'<p class="remark">{page.text(about.mend)}</p>{listing}{rest}'
    )


def _shortener(items: Sequence[Item]) -> Callable[[str], str]:
    """Take the folder that all clips share out of a message."""
    folders = {str(item.path.parent) for item in items if item.path.is_absolute()}
    shared = os.path.commonpath(folders) if folders else os.sep
    prefix = shared.rstrip(os.sep) + os.sep
    return lambda message: message.replace(prefix, "") if len(prefix) > 1 else message


def _player(finding: Finding) -> Html:
    """A player for the first clip of a finding; nothing when it cannot be decoded."""
    item = finding.items[0]
    start_s = item.start_s or 0.0
    end_s = min(start_s + PLAYER_S, item.end_s or math.inf)
    try:
        clip = audio.read(item.path, start_s=start_s, end_s=end_s)
    except AudioError as error:
        return Html(f"<small>{page.text(error)}</small>")
    wav = io.BytesIO()
    soundfile.write(wav, clip.samples, clip.rate_hz, format="WAV", subtype="PCM_16")
    return page.audio(wav.getvalue())


def _labels(result: Audit) -> Html:
    """Clips of each label, in all and in each split."""
    most = max((row.clips for row in result.labels), default=1)
    loose = [""] if result.splits and any("" in row.splits for row in result.labels) else []
    splits = [*result.splits, *loose]

    def cells(row: LabelRow) -> list[object]:
        counts = (f"{row.splits.get(split, 0):,}" for split in splits)
        name = row.label or Html("<em>no label</em>")
        bar = page.bar(row.clips / most)
        return [name, bar, f"{row.clips:,}", f"{row.seconds / 60:.1f}", *counts]

    columns = ["Label", "", "Clips", "Minutes", *(split or "no split" for split in splits)]
    numeric = range(2, len(columns))
    return page.table(columns, [cells(row) for row in result.labels], numeric=numeric)


def _measurements(result: Audit) -> Html:
    """Two histograms, and the clips at their ends."""
    sounds = [
        (item, probe)
        for item, probe in zip(result.manifest, result.probes, strict=True)
        if not probe.fault
    ]
    if not sounds:
        return Html("<p>No clip could be read.</p>")
    shorten = _shortener(result.manifest.items)
    lengths = [probe.duration_s for _, probe in sounds]
    peaks = [_peak_db(probe) for _, probe in sounds]
    by_length = sorted(sounds, key=lambda pair: pair[1].duration_s)
    by_peak = sorted(sounds, key=lambda pair: pair[1].peak)

    def listing(title: str, pairs: Iterable[tuple[Item, Probe]]) -> Html:
        rows = [
            (shorten(str(i.path)), f"{p.duration_s:.2f} s", f"{_peak_db(p):.0f} dB")
            for i, p in pairs
        ]
        head = page.table(["Clip", "Length", "Peak"], rows, numeric=[1, 2])
        return page.fold(title, head)

    return page.cards(
        [
            f"<h3>Length in seconds</h3>{histogram(lengths)}"
            + listing("The shortest", by_length[:EXTREMES])
            + listing("The longest", by_length[: -EXTREMES - 1 : -1]),
            f"<h3>Peak in dB of full scale</h3>{histogram(peaks)}"
            + listing("The quietest", by_peak[:EXTREMES])
            + listing("The loudest", by_peak[: -EXTREMES - 1 : -1]),
        ]
    )


def _peak_db(probe: Probe) -> float:
    return 20 * math.log10(probe.peak) if probe.peak > 10 ** (SILENCE_DB / 20) else SILENCE_DB


def histogram(values: Sequence[float]) -> Html:
    """Counts of finite values as an SVG picture; bar heights are logarithmic."""
    low, high = min(values), max(values)
    step = _nice((high - low) / BINS or abs(high) / BINS or 1.0)
    first = math.floor(low / step + 1e-9)
    counts = [0] * (math.floor(high / step + 1e-9) - first + 1)
    for value in values:
        counts[math.floor(value / step + 1e-9) - first] += 1
    return _draw(counts, start=first * step, step=step)


def _nice(step: float) -> float:
    """The next larger of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)


WIDTH, HEIGHT, LEFT, BOTTOM = 480, 180, 44, 26


def _draw(counts: Sequence[int], *, start: float, step: float) -> Html:
    """Bars, an axis of values and lines at the powers of ten."""
    top = math.log10(max(counts) + 1) * 1.05
    wide, tall = (WIDTH - LEFT) / len(counts), HEIGHT - BOTTOM - 8
    floor = HEIGHT - BOTTOM
    marks = []
    for power in range(math.floor(math.log10(max(counts))) + 1):
        y = floor - math.log10(10**power + 1) / top * tall
        marks.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="var(--line)"/>')
        marks.append(_word(LEFT - 6, y + 4, f"{10**power:,}", anchor="end"))
    for place, count in enumerate(counts):
        height = math.log10(count + 1) / top * tall
        edges = f"{start + place * step:g} to {start + (place + 1) * step:g}: {count:,}"
        marks.append(
            f'<rect x="{LEFT + place * wide:.2f}" y="{floor - height:.2f}" '
            f'width="{max(wide - 1, 0.5):.2f}" height="{height:.2f}" rx="1" fill="var(--accent)">'
            f"<title>{edges}</title></rect>"
        )
    marks.append(f'<path d="M{LEFT} {floor}H{WIDTH}" stroke="var(--soft)"/>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        value = f"{start + share * len(counts) * step:.4g}"
        marks.append(_word(LEFT + share * (WIDTH - LEFT), floor + 18, value, anchor=anchor))
    return Html(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Histogram">'
        + "".join(marks)
        + "</svg>"
    )


def _word(x: float, y: float, word: str, *, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="var(--soft)" '
        f'text-anchor="{anchor}">{page.text(word)}</text>'
    )
