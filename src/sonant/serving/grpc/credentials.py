"""TLS of the gRPC port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.options import Options


def server_credentials(options: Options) -> Any:
    """grpcio's credentials by `ssl_config_file`, else by the `tls_*` files; None where there is no TLS.

    Raises `ServeError` naming a file that cannot be read, or what is missing from it.
    """
    if options.ssl_config_file:
        return _by_config(options.ssl_config_file)
    if not (options.tls_certificate and options.tls_key):
        return None
    ca = _read(options.tls_client_ca) if options.tls_client_ca else None
    return _credentials(
        _read(options.tls_key),
        _read(options.tls_certificate),
        ca=ca,
        verify=ca is not None,
        where=options.tls_certificate,
    )


def _by_config(path: Path) -> Any:
    """By TensorFlow Serving's `SSLConfig`, which holds keys and certificates themselves."""
    config = textproto.read(path, "SSLConfig")
    return _credentials(
        config.server_key.encode(),
        config.server_cert.encode(),
        ca=config.custom_ca.encode() or None,
        verify=config.client_verify,
        where=path,
    )


def _credentials(
    key: bytes, certificate: bytes, *, ca: bytes | None, verify: bool, where: Path
) -> Any:
    if not key or not certificate:
        raise ServeError(f"{where}: TLS wants a key and a certificate, both in PEM")
    if verify and not ca:
        raise ServeError(
            f"{where}: client_verify wants custom_ca, the authority that signs clients' certificates"
        )
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=ca, require_client_auth=verify
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ServeError(f"{path}: cannot be read ({error.strerror})") from error
