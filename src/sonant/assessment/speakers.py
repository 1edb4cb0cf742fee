"""What `sonant evaluate` does with a bundle of speakers: trials, a cohort where it is asked for, a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tomli_w

from sonant import page
from sonant.assessment import trials as asking
from sonant.assessment.trials import Asked, Found
from sonant.card import Card, find
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Manifest
from sonant.report import speakers as drawn
from sonant.speakers import cutting, evaluating, hearing, scorers
from sonant.speakers.evaluating import ROUNDS, Evaluation
from sonant.speakers.model import Progress, SpeakerModel
from sonant.speakers.scorers import Kind, Scorer
from sonant.verification.trials import TrialList

COHORT_SPLIT = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How two embeddings are compared."""

    kind: Kind | None = None
    """None: as the bundle does by itself."""
    cohort: Path | str | None = None
    """Clips of speakers to learn from: None takes the training split of the data."""
    top: int = scorers.TOP
    """Speakers of a cohort, the nearest, that a score is normalised by."""


def assess(
    bundle: Path | str,
    asked: Asked,
    *,
    scoring: Scoring | None = None,
    rounds: int = ROUNDS,
    save_trials: Path | None = None,
    write_to: Path | None = None,
    on_event: OnEvent = silent,
) -> Evaluation:
    """Score a speaker bundle on trials, and write the page if asked to.

    The trials are kept at `save_trials`, or beside the page, so that others can repeat what it says.
    """
    model = SpeakerModel(Card.read(find(Path(bundle))), threads=1)
    found = asking.find(asked, card=model.card, on_event=on_event)
    scorer = scorer_of(scoring or Scoring(), model, asked, found, on_event=on_event)
    result = evaluating.evaluate(
        model,
        found.trials,
        found.items,
        scorer=scorer,
        genders=found.genders,
        rounds=rounds,
        seed=asked.seed,
        on_progress=listening(on_event),
    )
    kept = save_trials or (write_to and beside(write_to))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        on_event(Note(f"trials: {found.trials.save(kept)}"))
    if write_to is not None:
        page.write(write_to, _page(model.card, result, trials=kept))
    return result


def scorer_of(
    scoring: Scoring, model: SpeakerModel, asked: Asked, found: Found, *, on_event: OnEvent = silent
) -> Scorer | None:
    """The scorer that is asked for; None for the bundle's own.

    The cohort is the training split of its data, or all of it where there is none such, without those whom
    a trial is about. Raises `ManifestError` where there is no cohort, or it is too small.
    """
    if scoring.kind is None or (scoring.kind == model.deciding.scorer.kind and not scoring.cohort):
        return None
    if scoring.kind == "cosine":
        return scorers.COSINE
    if scoring.cohort is None and found.manifest is None:
        raise ManifestError(
            f"--score {scoring.kind}: learns from speakers no trial is about; name them by --cohort"
        )
    manifest = found.manifest
    if scoring.cohort is not None:
        manifest = asking.as_trained(
            replace(asked, data=scoring.cohort), model.card, on_event=on_event
        )
    assert manifest is not None
    return _fitted(scoring, model, cohort(manifest, found.trials), on_event)


def cohort(manifest: Manifest, trials: TrialList) -> Manifest:
    """Clips of speakers whom no trial is about, a speaker's only clip as its two ends."""
    known = COHORT_SPLIT in manifest.splits
    clips = manifest.where(split=COHORT_SPLIT) if known else manifest
    about = set(trials.speakers)
    free = clips.with_items(item for item in clips if item.speaker and item.speaker not in about)
    return cutting.ends(free).manifest


def beside(report: Path) -> Path:
    """Where the trials of a page lie."""
    return report.with_name(f"{report.stem}.trials.csv")


def listening(on_event: OnEvent) -> Progress:
    """Progress of hearing clips, as events."""
    return lambda done, total: on_event(Working(what="listening", done=done, total=total))


def _fitted(scoring: Scoring, model: SpeakerModel, clips: Manifest, on_event: OnEvent) -> Scorer:
    names = [str(number) for number in range(len(clips))]
    heard = hearing.hear(
        model,
        names,
        clips.items,
        on_progress=lambda done, total: on_event(Working(what="cohort", done=done, total=total)),
    ).heard
    speakers = [item.speaker for name, item in zip(names, clips, strict=True) if name in heard]
    vectors = np.array([one.embedding.vector for one in heard.values()], np.float64)
    on_event(Note(f"cohort: {len(heard)} clips of {len(set(speakers))} speakers"))
    assert scoring.kind is not None
    return scorers.fit(scoring.kind, vectors, speakers, top=scoring.top)


def _page(card: Card, result: Evaluation, *, trials: Path | None) -> str:
    return drawn.render(
        result,
        title=f"{card.name} on {result.data}",
        trials=trials.name if trials else "",
        recipe=tomli_w.dumps(card.recipe),
        environment=card.provenance.versions,
    )
