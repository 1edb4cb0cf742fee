"""A detector and clips that need no training."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.manifest import Manifest
from sonant.spoofing.detector import Detector
from spoof_bundle import write_clips, write_spoof_bundle


@pytest.fixture(scope="session")
def loud_clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    return Detector.load(write_spoof_bundle(tmp_path / "models"))
