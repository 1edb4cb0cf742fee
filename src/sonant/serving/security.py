"""Who may ask: a server that others can reach wants a token or client certificates."""

from __future__ import annotations

from typing import Final

from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.options import Options

SHORTEST_TOKEN: Final = 16


def check_exposure(options: Options) -> None:
    """Refuse to open a server to other machines with no way to tell who asks.

    Raises `ServeError` saying what to add, also where TLS files are named by halves.
    """
    if bool(options.tls_certificate) != bool(options.tls_key):
        raise ServeError("TLS wants both --tls_certificate and --tls_key")
    if options.tls_client_ca and not options.tls_certificate:
        raise ServeError(
            "--tls_client_ca asks clients for certificates: that wants TLS; "
            "add --tls_certificate and --tls_key"
        )
    if not options.opens_up or options.insecure:
        return
    if not options.token_file and not _asks_for_certificates(options):
        raise ServeError(
            f"--host {options.host} lets other machines in, and nothing asks who they are: add "
            f"--token_file FILE or --tls_client_ca FILE, or say --insecure"
        )
    if options.wyoming_port:
        raise ServeError(
            f"Wyoming knows no tokens: with --host {options.host} switch it off by "
            f"--wyoming_port 0, or say --insecure"
        )


def _asks_for_certificates(options: Options) -> bool:
    """Whether whoever comes in has shown a certificate, on every port that is open."""
    grpc = options.port or options.grpc_socket_path
    file = options.ssl_config_file
    grpc_asks = file is not None and textproto.read(file, "SSLConfig").client_verify
    http_asks = options.tls_client_ca is not None
    return (http_asks or not options.rest_api_port) and (http_asks or grpc_asks or not grpc)


def read_token(options: Options) -> str:
    """The token of the token file, "" where there is none.

    Raises `ServeError` where the file cannot be read or holds hardly a secret.
    """
    if options.token_file is None:
        return ""
    try:
        token = options.token_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ServeError(f"{options.token_file}: cannot be read as a token ({error})") from error
    if len(token) < SHORTEST_TOKEN:
        raise ServeError(
            f"{options.token_file}: a token of {len(token)} characters is guessed too soon; make one "
            f"with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return token
