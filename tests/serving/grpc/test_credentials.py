"""TLS on the gRPC port, by our flags and by TensorFlow Serving's file."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.grpc.caller import predict, serving
from sonant.errors import ServeError
from sonant.serving.grpc.credentials import server_credentials
from sonant.serving.options import Options


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with key.pem and cert.pem for localhost, signed by itself."""
    folder = tmp_path_factory.mktemp("pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    command += (
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    )
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder


def config_file(folder: Path, **fields: Any) -> Path:
    lines = []
    for name, value in fields.items():
        shown = str(value).lower() if isinstance(value, bool) else repr(str(value))
        lines.append(f"{name}: {shown}")
    path = folder / "ssl.config"
    path.write_text("\n".join(lines))
    return path


async def asked(credentials: Any, **options: Any) -> list[float]:
    async with serving(credentials=credentials, **options) as call:
        return list((await call("Predict", predict(2.0), timeout=5)).outputs["y"].float_val)


def test_the_tls_files_make_it_encrypted(pem: Path) -> None:
    trust = grpc.ssl_channel_credentials((pem / "cert.pem").read_bytes())
    files = {"tls_certificate": pem / "cert.pem", "tls_key": pem / "key.pem"}
    assert asyncio.run(asked(trust, **files)) == [3.0]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(asked(None, **files))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_ssl_config_of_tensorflow_serving_asks_for_client_certificates(
    pem: Path, tmp_path: Path
) -> None:
    key, cert = (pem / "key.pem").read_bytes(), (pem / "cert.pem").read_bytes()
    path = config_file(
        tmp_path,
        server_key=key.decode(),
        server_cert=cert.decode(),
        custom_ca=cert.decode(),
        client_verify=True,
    )
    known = grpc.ssl_channel_credentials(cert, key, cert)
    assert asyncio.run(asked(known, ssl_config_file=path)) == [3.0]
    with pytest.raises(grpc.aio.AioRpcError):
        asyncio.run(asked(grpc.ssl_channel_credentials(cert), ssl_config_file=path))


def test_tls_client_ca_asks_for_client_certificates(pem: Path) -> None:
    key, cert = (pem / "key.pem").read_bytes(), (pem / "cert.pem").read_bytes()
    files = {
        "tls_certificate": pem / "cert.pem",
        "tls_key": pem / "key.pem",
        "tls_client_ca": pem / "cert.pem",
    }
    assert asyncio.run(asked(grpc.ssl_channel_credentials(cert, key, cert), **files)) == [3.0]
    with pytest.raises(grpc.aio.AioRpcError):
        asyncio.run(asked(grpc.ssl_channel_credentials(cert), **files))


def test_files_that_are_not_right_are_named(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="wants a key and a certificate"):
        server_credentials(Options(ssl_config_file=config_file(tmp_path, server_key="k")))
    path = config_file(tmp_path, server_key="k", server_cert="c", client_verify=True)
    with pytest.raises(ServeError, match="client_verify wants custom_ca"):
        server_credentials(Options(ssl_config_file=path))
    with pytest.raises(ServeError, match=r"nowhere\.pem: cannot be read"):
        server_credentials(
            Options(tls_certificate=tmp_path / "nowhere.pem", tls_key=tmp_path / "nowhere.pem")
        )


def test_what_is_no_pem_is_no_reason_for_an_open_port(tmp_path: Path) -> None:
    path = config_file(tmp_path, server_key="k", server_cert="c")
    with pytest.raises(ServeError, match="cannot listen there"):
        asyncio.run(asked(None, ssl_config_file=path))


def test_without_files_there_is_no_tls() -> None:
    assert server_credentials(Options()) is None
