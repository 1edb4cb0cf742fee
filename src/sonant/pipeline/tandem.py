"""The stage that judges a verifier and a detector together: who is let in, and at what cost. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonant import page
from sonant.errors import ManifestError
from sonant.events import Note, Working
from sonant.listing.spoof_labels import BONAFIDE
from sonant.manifest import Item, Manifest
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Judging
from sonant.report.gallery import percent
from sonant.speakers import hearing
from sonant.speakers.model import SpeakerModel
from sonant.speakers.verdict import Heard
from sonant.spoofing import conditions, scoring
from sonant.spoofing.detector import Detector
from sonant.verification import tandem
from sonant.verification.checks import Bools, Floats
from sonant.verification.trials import TrialList

TEST: Final = "test"
ENROLMENTS: Final = 3
"""Recordings of whom a forgery claims to be that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Scores of both systems by the kind of trial: the verifier's, then the detector's, [trials] each."""

    targets: tuple[Floats, Floats]
    others: tuple[Floats, Floats]
    spoofs: tuple[Floats, Floats]

    @property
    def verifier(self) -> tuple[Floats, Floats, Floats]:
        """The verifier's alone."""
        return self.targets[0], self.others[0], self.spoofs[0]

    def fused(self, spoof_share: float) -> tuple[Floats, Floats, Floats]:
        """One score of both, by kind."""
        one, two, three = (
            tandem.fuse(*both, spoof_share=spoof_share)
            for both in (self.targets, self.others, self.spoofs)
        )
        return one, two, three


def judge(settings: Judging, bench: Bench) -> Made:
    """Error rates and costs on the test split, before the detector stands there and with it."""
    model = SpeakerModel.load(bench.one("bundle"), threads=1)
    detector = Detector.load(bench.one("detector"), threads=1)
    table = bench.one("data")
    clips = Manifest.load(table)
    test = clips.where(split=TEST)
    heard = hearing.hear(
        model,
        [conditions.place_of(item) for item in test],
        test.items,
        on_progress=_progress(bench, "hearing voices"),
    ).heard
    scored, _ = scoring.hear(detector, test, on_progress=_progress(bench, "hearing forgeries"))
    llrs = {conditions.place_of(one.item): one.llr for one in scored}
    trials = _trials(settings, model, clips, heard=heard, llrs=llrs)
    truth = np.array([one.bonafide for one in scored])
    figures = measured(
        trials,
        detector=(np.array([one.llr for one in scored]), truth),
        spoof_share=settings.spoof_share,
    )
    if model.deciding.calibration is None or detector.calibration is None:
        bench.on_event(
            Note(f"{bench.name}: not both are calibrated, so one score of both means little")
        )
    report = page.write(bench.folder / "report.html", _page(bench.name, figures))
    return Made(path=report, report=report, figures=figures, clips=len(test))


def measured(
    trials: Trials, *, detector: tuple[Floats, Bools], spoof_share: float
) -> dict[str, float]:
    """The figures of a tandem by name; `detector` are its scores and the truth, [clips].

    Without the t-DCF where the verifier alone is worse than refusing everybody, so that none is defined.
    """
    alone = tandem.sasv_eers(*trials.verifier)
    fused = trials.fused(spoof_share)
    both = tandem.sasv_eers(*fused)
    at_eer = tandem.Verifier.at_eer(*trials.verifier)
    found = {
        "verifier SV-EER": alone.sv,
        "verifier SPF-EER": alone.spf,
        "verifier SASV-EER": alone.sasv,
        "verifier a-DCF": tandem.a_dcf(*trials.verifier),
        "forgeries accepted": at_eer.spoofs,
        "both SV-EER": both.sv,
        "both SPF-EER": both.spf,
        "both SASV-EER": both.sasv,
        "both a-DCF": tandem.a_dcf(*fused),
        "t-EER": tandem.t_eer(
            targets=trials.targets, others=trials.others, spoofs=trials.spoofs
        ).rate,
    }
    priors = tandem.T_DCF
    spent = priors.target * at_eer.misses + priors.other * priors.other_cost * at_eer.others
    if spent <= priors.target:
        found["t-DCF"] = tandem.t_dcf(*detector, verifier=at_eer)
    return found


def _trials(
    settings: Judging,
    model: SpeakerModel,
    clips: Manifest,
    *,
    heard: Mapping[str, Heard],
    llrs: Mapping[str, float],
) -> Trials:
    bonafide = clips.where(labels=(BONAFIDE,))
    there = bonafide.with_items(
        item for item in bonafide if item.split != TEST or _both(item, heard, llrs)
    )
    drawn = TrialList.make(there, split=TEST, per_speaker=settings.per_speaker, seed=settings.seed)
    places = dict(zip(drawn.clips, drawn.items(there), strict=True))
    kinds: dict[bool, list[tuple[Item, Item]]] = {True: [], False: []}
    for trial in drawn:
        kinds[trial.same].append((places[trial.left], places[trial.right]))
    own: dict[str, list[Item]] = {}
    for item in there.where(split=TEST):
        own.setdefault(item.speaker, []).append(item)
    claims = [
        (recording, item)
        for item in clips.where(split=TEST)
        if item.label != BONAFIDE and _both(item, heard, llrs)
        for recording in own.get(item.speaker, [])[:ENROLMENTS]
    ]
    if not claims:
        raise ManifestError(
            f"{clips.name}: no forgery of the test claims to be somebody whose recordings are there too"
        )

    def asked(pairs: Sequence[tuple[Item, Item]]) -> tuple[Floats, Floats]:
        names = [(conditions.place_of(one), conditions.place_of(two)) for one, two in pairs]
        verdicts = [model.verify(heard[one], heard[two]) for one, two in names]
        return (
            np.array([v.cosine if v.llr is None else v.llr for v in verdicts]),
            np.array([llrs[two] for _, two in names]),
        )

    return Trials(targets=asked(kinds[True]), others=asked(kinds[False]), spoofs=asked(claims))


def _both(item: Item, heard: Mapping[str, Heard], llrs: Mapping[str, float]) -> bool:
    place = conditions.place_of(item)
    return place in heard and place in llrs


def _page(name: str, figures: Mapping[str, float]) -> str:
    rows = [
        (what, f"{value:.4f}" if "DCF" in what else percent(value))
        for what, value in figures.items()
    ]
    body = page.section("Identity and detector together", page.table(("figure", "value"), rows))
    return page.document(name, body, subtitle="On speakers that neither has heard.")


def _progress(bench: Bench, what: str) -> Callable[[int, int], object]:
    def tell(done: int, total: int) -> None:
        bench.on_event(Working(what=what, done=done, total=total))

    return tell
