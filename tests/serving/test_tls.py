"""Over TLS, with client certificates, with a token: as somebody from outside would find the server."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bundles import write_bundle
from sonant.errors import ServeError
from sonant.serving.catalog import ServerConfig, config_of_folder
from sonant.serving.options import Options
from sonant.serving.server import in_background

QUIET = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
TOKEN = "a-secret-of-some-length"


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of localhost, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pem")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        "-keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> ServerConfig:
    write_bundle(tmp_path)
    return config_of_folder(tmp_path)


def over_tls(pem: Path, *, asks: bool) -> Options:
    return replace(
        QUIET,
        tls_certificate=pem / "cert.pem",
        tls_key=pem / "key.pem",
        tls_client_ca=pem / "cert.pem" if asks else None,
    )


def trusting(pem: Path, *, shows: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pem / "cert.pem"))
    if shows:
        context.load_cert_chain(pem / "cert.pem", pem / "key.pem")
    return context


def status(port: int, context: ssl.SSLContext) -> int:
    url = f"https://127.0.0.1:{port}/v1/models/tones"
    with httpx.Client(verify=context) as client:
        return client.get(url).status_code


def test_https_is_spoken(pem: Path, config: ServerConfig) -> None:
    with in_background(over_tls(pem, asks=False), config) as ports:
        assert ports.url.startswith("https://")
        assert status(ports.rest, trusting(pem, shows=False)) == 200


def test_who_shows_no_certificate_stays_outside(pem: Path, config: ServerConfig) -> None:
    with in_background(over_tls(pem, asks=True), config) as ports:
        assert status(ports.rest, trusting(pem, shows=True)) == 200
        with pytest.raises(httpx.TransportError):
            status(ports.rest, trusting(pem, shows=False))


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path, config: ServerConfig) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_text("no key")
    taken = in_background(over_tls(tmp_path, asks=False), config)
    with pytest.raises(ServeError, match=r"cert\.pem"):
        taken.__enter__()


def test_with_a_token_only_probes_and_the_bare_page_are_open(
    tmp_path: Path, config: ServerConfig
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with in_background(replace(QUIET, token_file=file), config) as ports, httpx.Client() as client:
        found = {
            path: client.get(ports.url + path).status_code
            for path in (
                "/healthz",
                "/",
                "/v1/models/tones",
                "/v2",
                "/page/models.json",
                "/metrics",
            )
        }
        assert found == {
            "/healthz": 200, "/": 200, "/v1/models/tones": 401, "/v2": 401,
            "/page/models.json": 401, "/metrics": 401,
        }  # fmt: skip
        client.headers["authorization"] = f"Bearer {TOKEN}"
        assert client.get(f"{ports.url}/v1/models/tones").status_code == 200
