"""From clips with their truth to a bundle whose scores are likelihood ratios. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import ManifestError
from sonant.listing.spoof_labels import BONAFIDE, SPOOF
from sonant.manifest import Manifest
from sonant.spoofing.detector import KEY, Detector
from sonant.spoofing.scoring import Progress, Scored, hear
from sonant.verification import rates
from sonant.verification.calibration import Calibration


def calibrate(
    detector: Detector, manifest: Manifest, *, on_progress: Progress | None = None
) -> Calibration:
    """Fit to all clips of a manifest that can be read, which the detector was not trained on.

    Raises `ManifestError` where one kind of clip is missing, or the detector scores forgeries higher.
    """
    clips, _ = hear(detector, manifest, on_progress=on_progress)
    return fitted(clips, where=manifest.name, digest=manifest.digest)


def fitted(clips: Sequence[Scored], *, where: str, digest: str = "") -> Calibration:
    """The same of clips that were heard before; `where` is for messages."""
    truth = [clip.bonafide for clip in clips]
    if len(set(truth)) < 2:
        kind = SPOOF if all(truth) else BONAFIDE
        raise ManifestError(
            f"{where}: no clip is {kind}: scores have no meaning without both kinds"
        )
    scores = [clip.score for clip in clips]
    wrong = rates.eer(scores, truth)
    if wrong >= 0.5:
        raise ManifestError(
            f"{where}: the detector scores forgeries no lower than bona fide clips (equal error rate "
            f"{wrong:.1%} of {len(clips)} clips), so its scores have no meaning here; look at the labels, or "
            "train it on such clips"
        )
    return Calibration.fit(scores, truth, prior=0.5, trials=digest)


def keep(card: Card, calibration: Calibration, *, chosen_on: str) -> Path:
    """Write the next version of a bundle, whose scores mean what `calibration` says; returns its folder.

    `chosen_on` names the clips it was fitted to. Raises `BundleError` as `revise` does.
    """
    entry = {"calibration": calibration.to_dict(), "chosen_on": chosen_on}
    point = {**(card.operating_point or {}), KEY: entry}
    return revise(card, files={}, changes={"operating_point": point})
