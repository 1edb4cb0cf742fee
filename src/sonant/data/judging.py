"""The rules of `sonant data check`: from measured clips and their manifest to findings."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from sonant.data.findings import (
    CLIPPED_SHARE,
    EXAMPLES,
    RARE_CLASS,
    SILENT_PEAK,
    Finding,
    Kind,
    Severity,
)
from sonant.data.label_names import suspicions
from sonant.data.probe import Probe
from sonant.data.twins import Twins
from sonant.listing.names import speaker_in
from sonant.manifest import Item

QUIET_LABELS = frozenset({"silence", "background_noise", "noise"})
NO_SPEAKER = frozenset({"", "unknown", "none", "nan", "n/a", "-", "?"})


def judge_clips(
    items: Sequence[Item], probes: Sequence[Probe], *, rate_hz: int | None, min_s: float
) -> Iterator[Finding]:
    """What is wrong with each clip by itself."""
    rates = Counter(probe.rate_hz for probe in probes if not probe.fault)
    expected_hz = rate_hz or max(rates, key=lambda rate: (rates[rate], rate), default=0)
    for item, probe in zip(items, probes, strict=True):
        if probe.fault:
            message = f"{_where(item)}: {probe.reason}"
            yield Finding(kind=probe.fault, severity="error", message=message, items=(item,))
        else:
            yield from _judge_sound(item, probe, expected_hz=expected_hz, min_s=min_s)


def _judge_sound(item: Item, probe: Probe, *, expected_hz: int, min_s: float) -> Iterator[Finding]:
    """What is wrong with a clip that could be decoded."""

    def found(kind: Kind, words: str, **detail: object) -> Finding:
        message = f"{_where(item)}: {words}"
        return Finding(kind=kind, severity="warning", message=message, items=(item,), detail=detail)

    if probe.peak < SILENT_PEAK and not (probe.muted or is_quiet(item.label)):
        yield found("silent", "nothing to hear", peak=probe.peak)
    if probe.clipped >= CLIPPED_SHARE:
        words = f"{probe.clipped:.1%} of the samples are clipped"
        yield found("clipped", words, share=round(probe.clipped, 4))
    if probe.duration_s < min_s:
        words = f"lasts {probe.duration_s:.3f} s"
        yield found("too_short", words, seconds=round(probe.duration_s, 4))
    if probe.rate_hz != expected_hz:
        words = f"{probe.rate_hz} Hz instead of {expected_hz} Hz"
        yield found("off_rate", words, rate_hz=probe.rate_hz, expected_hz=expected_hz)


def is_quiet(label: str) -> bool:
    """Is this a label for clips without speech?"""
    return label.casefold().strip("_ ").replace(" ", "_") in QUIET_LABELS


def _where(item: Item) -> str:
    """The file, and the segment when the clip is one."""
    if item.start_s is None and item.end_s is None:
        return str(item.path)
    end = "" if item.end_s is None else f"{item.end_s:g}"
    return f"{item.path} [{item.start_s or 0.0:g}-{end} s]"


def judge_twins(items: Sequence[Item], twins: Iterable[Twins]) -> Iterator[Finding]:
    """The same audio in several places; across labels or splits it spoils the score."""
    for group in twins:
        members = [items[position] for position in group.members]
        labels = sorted({item.label for item in members})
        splits = sorted({item.split for item in members})
        crosses = len(labels) > 1 or len(splits) > 1
        start = "the same audio" if group.exact else "nearly the same audio"
        places = " and ".join(_place(item) for item in members[:EXAMPLES])
        more = f" and {len(members) - EXAMPLES} more" if len(members) > EXAMPLES else ""
        yield Finding(
            kind="same_audio",
            severity="error" if crosses else "warning" if group.exact else "note",
            message=f"{start}: {places}{more}",
            items=tuple(members),
            clips=len(members),
            detail={"exact": group.exact, "labels": labels, "splits": splits},
        )


def _place(item: Item) -> str:
    """A clip with the label and the split it stands for."""
    belongs = ", ".join(filter(None, (item.label, item.split)))
    return f"{_where(item)} ({belongs})" if belongs else _where(item)


def judge_speakers(items: Sequence[Item], *, twins: Iterable[Twins] = ()) -> Iterator[Finding]:
    """Speakers who stand on both sides of a split, and not only through copies of one clip."""
    copied = {position for group in twins for position in _carried(items, group)}
    voices: dict[str, list[Item]] = defaultdict(list)
    sides: dict[str, set[str]] = defaultdict(set)
    for position, item in enumerate(items):
        speaker = speaker_of(item)
        if item.split and speaker.casefold() not in NO_SPEAKER:
            voices[speaker].append(item)
            sides[speaker] |= set() if position in copied else {item.split}
    for speaker, own in sorted(voices.items()):
        if len(sides[speaker]) > 1:
            splits = Counter(item.split for item in own)
            counts = ", ".join(f"{count} in {split}" for split, count in sorted(splits.items()))
            firsts = {item.split: item for item in reversed(own)}
            yield Finding(
                kind="speaker_in_splits",
                severity="error",
                message=f"speaker {speaker}: {counts}",
                items=tuple(firsts[split] for split in sorted(firsts)),
                clips=len(own),
                detail={"speaker": speaker, "splits": dict(sorted(splits.items()))},
            )


def _carried(items: Sequence[Item], group: Twins) -> Iterator[int]:
    """Copies of one clip that carry their speaker into another split."""
    for member in group.members:
        own = [items[m] for m in group.members if speaker_of(items[m]) == speaker_of(items[member])]
        if len({item.split for item in own}) > 1:
            yield member


def speaker_of(item: Item) -> str:
    """The speaker given, or the one in a name like `<speaker>_nohash_<n>.wav`."""
    return item.speaker.strip() or speaker_in(item.path.name)


def judge_labels(items: Sequence[Item]) -> Iterator[Finding]:
    """Names that look like slips, classes that are too small, clips without a label."""
    labels: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        labels[item.label].append(item)
    counts = {label: len(own) for label, own in sorted(labels.items()) if label}
    odd = {found.label: found for found in suspicions(counts)}
    for label, found in odd.items():
        message = f"label {label!r} ({_clips(counts[label])}): {found.reason}"
        yield _about("label_name", "warning", message, labels[label], label=label, like=found.like)
    usual = statistics.median(counts.values()) if counts else 0
    for label, count in counts.items():
        if label not in odd and not is_quiet(label) and count < RARE_CLASS * usual:
            message = f"label {label!r}: {_clips(count)}, the median class has {usual:g}"
            yield _about(
                "class_balance", "warning", message, labels[label], label=label, median=usual
            )
    if counts and labels[""]:
        message = f"{_clips(len(labels['']))} without a label"
        yield _about("unlabelled", "warning", message, labels[""])


def judge_splits(items: Sequence[Item], *, known: Collection[str] = ()) -> Iterator[Finding]:
    """Clips that no split takes, and labels that training never sees but those `known` as bad."""
    given = {item.split for item in items} - {""}
    loose = [item for item in items if not item.split]
    if given and loose:
        yield _about("no_split", "warning", f"{_clips(len(loose))} without a split", loose)
    if "train" not in given:
        return
    trained = {item.label for item in items if item.split == "train"}
    for label in sorted({item.label for item in items if item.split} - trained - {"", *known}):
        own = [item for item in items if item.label == label]
        message = f"label {label!r}: {_clips(len(own))}, none for training"
        yield _about("not_trained", "note", message, own, label=label)


def _about(
    kind: Kind, severity: Severity, message: str, items: Sequence[Item], **detail: object
) -> Finding:
    """A finding about a group of clips, with the first few files as examples."""
    return Finding(
        kind=kind,
        severity=severity,
        message=message,
        items=tuple(items[:EXAMPLES]),
        clips=len(items),
        detail=detail,
    )


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count:,} clips"
