"""Networks that tell forged speech by name, and the whole detector around one."""

from __future__ import annotations

from typing import Final, TypeAlias

from sonant.models.aasist import Aasist, AasistConfig
from sonant.models.detector import DetectorNetwork, SpoofDetector
from sonant.models.lcnn import Lcnn, LcnnConfig
from sonant.nn.lfcc import LfccFrontEnd
from sonant.nn.sinc import SincFrontEnd
from sonant.nn.spoof_features_config import LfccConfig, SpoofFeatures

DetectorConfig: TypeAlias = LcnnConfig | AasistConfig
"""The settings of any network of spoof detectors."""

DETECTORS: Final[dict[str, tuple[type[DetectorConfig], type[DetectorNetwork]]]] = {
    "lcnn": (LcnnConfig, Lcnn),
    "aasist": (AasistConfig, Aasist),
}
"""Every network of spoof detectors by the name a recipe calls it."""


def build_detector(
    front_end: SpoofFeatures, config: DetectorConfig, *, rate_hz: int, samples: int
) -> SpoofDetector:
    """The detector that the settings describe, with fresh weights, for training clips of `samples`.

    Raises `ModelError` for settings that do not fit each other.
    """
    return SpoofDetector(
        LfccFrontEnd(front_end, rate_hz=rate_hz)
        if isinstance(front_end, LfccConfig)
        else SincFrontEnd(front_end, rate_hz=rate_hz),
        _network(config, bins=front_end.bins),
        window=samples,
    )


def _network(config: DetectorConfig, *, bins: int) -> DetectorNetwork:
    match config:
        case LcnnConfig():
            return Lcnn(config, bins=bins)
        case AasistConfig():
            return Aasist(config, bins=bins)
