"""The stage that attacks a verifier, in every split by itself."""

from __future__ import annotations

from pathlib import Path

from sonant import attacking
from sonant.attacking import Done, Wanted
from sonant.attacking.planning import Asked
from sonant.attacks.bounds import Bound
from sonant.events import Note
from sonant.pipeline import forgeries
from sonant.pipeline.forgeries import Forgery
from sonant.pipeline.making import Bench, Made, Sound
from sonant.pipeline.settings import Attacking


def attack(settings: Attacking, bench: Bench) -> Made:
    """Attack clips of each split; who they claim to be is their speaker."""
    done: dict[str, Done] = {}
    for split in settings.splits:
        bench.on_event(Note(f"{bench.name}: {settings.method} on clips of the split {split}"))
        done[split] = attacking.attack(
            bench.one("bundle"),
            _wanted(settings, bench, split),
            out=bench.folder / split,
            on_event=bench.on_event,
        )
    made = [
        Forgery(
            path=bench.folder / split / row["path"],
            speaker=row["claim_speaker"] or row["speaker"],
            split=split,
            attack=row["method"],
            generator=bench.name,
        )
        for split, one in done.items()
        for row in one.rows
    ]
    last = done[settings.splits[-1]]
    return Made(
        path=forgeries.write(bench.folder, made),
        beside=tuple(bench.folder / split / "wav" for split in done),
        report=last.report,
        figures=_figures(done),
        sounds=_sounds(bench.folder / settings.splits[-1], last),
        clips=len(made),
        seconds=sum(float(row["seconds"]) for one in done.values() for row in one.rows),
    )


def _wanted(settings: Attacking, bench: Bench, split: str) -> Wanted:
    return Wanted(
        asked=Asked(
            data=bench.one("data"),
            split=split,
            goal=settings.goal,
            count=settings.count,
            seed=settings.seed,
        ),
        method=settings.method,
        bound=Bound(epsilon=settings.epsilon or None, snr_db=settings.snr_db),
        steps=settings.steps,
        queries=settings.queries,
        minutes=settings.minutes,
        # Others are asked about the clips of the last split alone, which is the test as a rule.
        transfer=bench.inputs["transfer"] if split == settings.splits[-1] else (),
        against_detector=bench.perhaps("detector"),
        defences=settings.defences,
        adaptive=settings.adaptive,
        longest_s=settings.longest_s,
        device=bench.device,
    )


def _figures(done: dict[str, Done]) -> dict[str, float]:
    found: dict[str, float] = {}
    for split, one in done.items():
        found[f"{split} success"] = one.success.value
        found[f"{split} success before"] = one.unattacked.value
    last = next(reversed(done.values()))
    found |= {f"mean {name}": value for name, value in last.to_json()["means"].items()}
    found |= {f"transfer {one.title}": one.attacked.value for one in last.transfers}
    return found


def _sounds(folder: Path, done: Done) -> tuple[Sound, ...]:
    return tuple(
        Sound(
            title=f"{row['method']}, {row['speaker']} as {row['claim_speaker'] or row['answer']}",
            path=folder / row["path"],
            words=f"{row['snr_db'] or '?'} dB, {'taken for him' if row['success'] == 'yes' else 'refused'}",
        )
        for row in done.rows[:2]
    )
