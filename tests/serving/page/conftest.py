"""One server and one browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import soundfile

from bundles import RATE_HZ
from serving.chromium import Tab, browser, installed
from serving.live import Live, live
from serving.served_tones import PCM, write_served


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served(tmp_path_factory.mktemp("models") / "bundles")


@pytest.fixture(scope="session")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("server")
    config = folder / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "stream" base_path: "{bundle.parent}"'
        ' model_platform: "sonant" model_version_policy { all {} } } }'
    )
    with live(folder, model_config_file=config) as server:
        yield server


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if installed() is None:
        pytest.skip("no Chromium is installed")
    folder = tmp_path_factory.mktemp("browser")
    soundfile.write(folder / "microphone.wav", PCM, RATE_HZ, subtype="PCM_16")
    with browser(folder / "profile", microphone=folder / "microphone.wav") as tab:
        yield tab


@pytest.fixture
def tab(started: Tab, server: Live) -> Iterator[Tab]:
    """The page, opened anew; afterwards nothing complained, and nothing was asked of anybody else."""
    started.requested.clear()
    started.complaints.clear()
    started.resize(1200, 1400)
    started.prefer()
    started.open(f"{server.url}/")
    started.wait_for("!document.getElementById('listen').disabled")
    yield started
    own = urlsplit(server.url).netloc
    assert started.requested
    assert [url for url in started.requested if urlsplit(url).netloc not in (own, "")] == []
    assert started.complaints == []
