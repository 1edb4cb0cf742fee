"""A server that others can reach asks who they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.errors import ServeError
from sonant.serving.options import Options
from sonant.serving.security import check_exposure, read_token

PEM = Path("some.pem")


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(host="::1"),
        Options(host="0.0.0.0", insecure=True),
        Options(host="0.0.0.0", token_file=PEM, wyoming_port=0),
        Options(
            host="0.0.0.0", tls_client_ca=PEM, tls_certificate=PEM, tls_key=PEM, wyoming_port=0
        ),
    ],
    ids=str,
)
def test_these_may_start(options: Options) -> None:
    check_exposure(options)


@pytest.mark.parametrize(("verify", "rest", "fine"), [
    ("true", 0, True), ("false", 0, False), ("true", 8501, False),
])  # fmt: skip
def test_certificates_asked_for_by_grpc_alone_protect_grpc_alone(
    tmp_path: Path, verify: str, rest: int, fine: bool
) -> None:
    file = tmp_path / "ssl.config"
    file.write_text(f'server_key: "k" server_cert: "c" client_verify: {verify}')
    options = Options(host="0.0.0.0", ssl_config_file=file, rest_api_port=rest, wyoming_port=0)
    if fine:
        check_exposure(options)
    else:
        with pytest.raises(ServeError, match="nothing asks who they are"):
            check_exposure(options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(host="0.0.0.0"), "--token_file FILE or --tls_client_ca FILE"),
        (Options(host="192.168.0.7", token_file=PEM), "--wyoming_port 0"),
        (Options(tls_certificate=PEM), "both --tls_certificate and --tls_key"),
        (Options(tls_client_ca=PEM), "add --tls_certificate"),
        (Options(host="0.0.0.0", tls_certificate=PEM, tls_key=PEM), "nothing asks who they are"),
    ],
)
def test_these_may_not_and_hear_what_to_add(options: Options, says: str) -> None:
    with pytest.raises(ServeError) as refused:
        check_exposure(options)
    assert says in str(refused.value)


def test_the_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-secret-of-some-length\n")
    assert read_token(Options(token_file=file)) == "a-secret-of-some-length"
    assert read_token(Options()) == ""


@pytest.mark.parametrize("content", ["", "short", None])
def test_a_token_that_protects_nothing_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ServeError, match="token"):
        read_token(Options(token_file=file))
