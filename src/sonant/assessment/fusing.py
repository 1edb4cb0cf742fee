"""What `sonant speaker fuse` does: weights by trials or by hand, a comparison, one bundle of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sonant import audio, page
from sonant.assessment import trials as asking
from sonant.assessment.speakers import beside
from sonant.assessment.trials import Asked, Found
from sonant.audio import Samples
from sonant.errors import ManifestError, RecipeError
from sonant.events import Note, OnEvent, Working, silent
from sonant.report import fusion as drawn
from sonant.speakers import fused_bundle, fusing, hearing
from sonant.speakers.embedding import WINDOW_S
from sonant.speakers.evaluating import ROUNDS
from sonant.speakers.fused_bundle import Fusion
from sonant.speakers.fusing import Comparison, Models, Table
from sonant.speakers.verdict import Heard
from sonant.verification.trials import TrialList

LEARNED: Final = "learned"
EQUAL: Final = "equal"
PROVED_ON: Final = 8
"""Clips of the trials that the fused graph is held to its parts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """A fused bundle, and what was measured of it."""

    bundle: Path
    weights: Mapping[str, float]
    """Of each part, by its name and version."""
    comparison: Comparison | None
    """None where no trials were asked."""
    left_out: tuple[str, ...]
    """Why clips were left out, one line a clip."""


def fuse(
    bundles: Sequence[Path],
    asked: Asked | None,
    *,
    weights: str = LEARNED,
    name: str = "",
    out: Path,
    rounds: int = ROUNDS,
    write_to: Path | None = None,
    on_event: OnEvent = silent,
) -> Fused:
    """Make one bundle of several, compare ways to fuse them where trials are asked, write the page.

    `weights` are `learned` (on all the trials), `equal`, or numbers with commas between, one a bundle.
    Raises `RecipeError` for other weights, or where there is nothing to learn them on, and as
    `fusing.opened`, `fusing.learned` and `fused_bundle.write` do.
    """
    models = fusing.opened(bundles)
    fixed = _fixed(weights, list(models))
    if fixed is None and asked is None:
        raise RecipeError(
            "--weights learned: takes trials to learn them on; name speakers with --data, or say "
            "--weights equal"
        )
    _same_split(models, on_event)
    heard: dict[str, Mapping[str, Heard]] = {}
    compared, trials, clips, left_out = None, None, list[Samples](), tuple[str, ...]()
    if asked is not None:
        first = next(iter(models.values()))
        found = asking.find(asked, card=first.card, on_event=on_event)
        heard, trials, left_out = _hear(models, found, on_event)
        clips = _sounds(found, trials, first.card.audio.rate_hz)
        given = fixed if weights not in (LEARNED, EQUAL) else None
        compared = fusing.compare(heard, trials, given=given, rounds=rounds, seed=asked.seed)
        if write_to is not None:
            on_event(Note(f"trials: {found.trials.save(beside(write_to))}"))
    if fixed is None:
        assert trials is not None
        fixed = fusing.learned(Table.of(trials, heard))
    fusion = Fusion(
        name=name or _name(models),
        models=models,
        weights=fixed,
        how=weights if weights in (LEARNED, EQUAL) else "given",
        norms=_norms(models, heard),
        trials=trials.digest if trials is not None and weights == LEARNED else "",
        metrics={} if compared is None else _metrics(compared, weights),
    )
    written = fused_bundle.write(fusion, out, clips=clips)
    if write_to is not None and compared is not None:
        page.write(write_to, drawn.render(compared, title=fusion.name, weights=fixed))
    return Fused(bundle=written, weights=fixed, comparison=compared, left_out=left_out)


def _fixed(weights: str, names: Sequence[str]) -> dict[str, float] | None:
    """Weights that need no trials, summing to 1; None where they are to be learned."""
    if weights == LEARNED:
        return None
    if weights == EQUAL:
        return dict.fromkeys(names, 1.0 / len(names))
    try:
        numbers = [float(part) for part in weights.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != len(names) or not all(0 < number < np.inf for number in numbers):
        raise RecipeError(
            f"--weights {weights}: want learned, equal, or {len(names)} numbers above 0, one a bundle, as in "
            f"{','.join(['0.5'] * len(names))}"
        )
    return {name: number / sum(numbers) for name, number in zip(names, numbers, strict=True)}


def _same_split(models: Models, on_event: OnEvent) -> None:
    """Tell where one part may have been trained on speakers that are held out for another."""
    trained = {model.card.provenance.data for model in models.values()}
    if len(trained) > 1:
        on_event(
            Note(
                "the parts were trained on different data: see to it that none of them heard the speakers "
                "of these trials, or the figures are too rosy"
            )
        )


def _hear(
    models: Models, found: Found, on_event: OnEvent
) -> tuple[dict[str, Mapping[str, Heard]], TrialList, tuple[str, ...]]:
    """The clips as each model hears them, the trials all of them can be asked, and what was left out."""
    heard: dict[str, Mapping[str, Heard]] = {}
    reasons: dict[str, str] = {}
    names = found.trials.clips
    for name, model in models.items():
        what = f"listening with {name}"

        def tell(now: int, total: int, *, what: str = what) -> None:
            on_event(Working(what=what, done=now, total=total))

        one = hearing.hear(model, names, found.items, on_progress=tell)
        heard[name] = one.heard
        reasons |= one.left_out
    trials = found.trials.where(
        trial.left not in reasons and trial.right not in reasons for trial in found.trials
    )
    if not len(trials):
        reason = next(iter(reasons.values()))
        raise ManifestError(f"{found.trials.name}: no trial can be asked, as {reason}")
    kept = set(trials.clips)
    heard = {
        name: {clip: one for clip, one in clips.items() if clip in kept}
        for name, clips in heard.items()
    }
    return heard, trials, tuple(reasons.values())


def _sounds(found: Found, trials: TrialList, rate_hz: int) -> list[Samples]:
    """The first seconds of a few clips of the trials, [samples] each."""
    items = dict(zip(found.trials.clips, found.items, strict=True))
    return [
        audio.read(
            items[name].path, rate_hz=rate_hz, start_s=items[name].start_s, end_s=items[name].end_s
        ).samples[: round(WINDOW_S * rate_hz)]
        for name in trials.clips[:PROVED_ON]
    ]


def _norms(models: Models, heard: Mapping[str, Mapping[str, Heard]]) -> dict[str, float]:
    """The mean norm that each model gives clips of the trials; 1 where there is none."""
    found = dict.fromkeys(models, 1.0)
    for name, clips in heard.items():
        norms = [one.embedding.norm for one in clips.values() if one.embedding.norm]
        if norms:
            found[name] = float(np.mean(norms))
    return found


def _metrics(compared: Comparison, weights: str) -> dict[str, float]:
    """The rates of the fusion that is written."""
    system = {LEARNED: fusing.LEARNED, EQUAL: fusing.EQUAL}.get(weights, fusing.GIVEN)
    (row,) = (row for row in compared.rows if row.name == system)
    rates = row.figures.rates
    return {f"trials_{name}": rates[name].value for name in ("eer", "min_cllr", "cllr")}


def _name(models: Models) -> str:
    """What a fusion is called that nobody named."""
    names = dict.fromkeys(model.card.name for model in models.values())
    return "+".join(names) if len(names) > 1 else f"{next(iter(names))}-fused"
