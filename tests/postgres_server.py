"""A PostgreSQL server of the tests' own, where one is installed; it listens on a socket in its folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

INSTALLED = Path("/usr/lib/postgresql")
PATIENCE_S = 60.0


def binaries() -> Path:
    """The folder of `initdb` and `postgres`; skips the test where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(INSTALLED.glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("PostgreSQL is not installed: no initdb on the path or in /usr/lib/postgresql")


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of a server that ends with the block."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    bin_folder, user = binaries(), _user()
    # Not tmp_path: the name of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        home = Path(name)
        if user:
            shutil.chown(home, user)
        data = home / "data"
        _init(bin_folder, data, user=user)
        command = [str(bin_folder / "postgres"), "-D", str(data), "-k", str(home)]
        server = subprocess.Popen(
            [*command, "-c", "listen_addresses=", "-c", "fsync=off"],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"postgresql://sonant@/postgres?host={home}"
            _wait(psycopg, url, server)
            yield url
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _user() -> str | None:
    """Whom the server runs as: it refuses root."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _init(bin_folder: Path, data: Path, *, user: str | None) -> None:
    command = [str(bin_folder / "initdb"), "-D", str(data), "-U", "sonant", "-A", "trust"]
    done = subprocess.run(
        [*command, "-E", "UTF8", "--locale=C", "--no-sync"],
        user=user,
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _wait(psycopg: object, url: str, server: subprocess.Popen[bytes]) -> None:
    """Until it answers; a server that ended is an error at once."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert server.poll() is None, f"postgres ended with {server.returncode}"
        try:
            psycopg.connect(url).close()  # type: ignore[attr-defined]
            return
        except psycopg.OperationalError:  # type: ignore[attr-defined]
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
