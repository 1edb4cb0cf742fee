"""What all tests share: the real recordings where they are, and a bundle that needs no training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundles import write_bundle

# As the command line does, before torch is loaded: idle threads must not take the other tests' cores.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing a test keeps lands in the user's own cache, and nothing there changes a test."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONANT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings, one sub-folder a set."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SONANT_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real recordings in {folder}; set SONANT_SHARED_DATA to their folder")
    return folder


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Path:
    """The version folder of a bundle that tells three tones apart."""
    return write_bundle(tmp_path / "models")


@pytest.fixture(scope="session")
def stream_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version folder of a bundle that hears tones in a stream, whatever the steps."""
    from tone_stream import write_stream

    return write_stream(tmp_path_factory.mktemp("stream"), hops=None)


@pytest.fixture(scope="session")
def short_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another graph, for steps of one hop."""
    from tone_stream import write_stream

    return write_stream(tmp_path_factory.mktemp("short"), hops=None, short=True)
