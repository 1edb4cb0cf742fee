"""Vertex AI's variables: where to listen, and which of its paths are ours."""

from __future__ import annotations

import pytest

from sonant.errors import ServeError
from sonant.serving.http import Request
from sonant.serving.options import Options
from sonant.serving.security import check_exposure
from sonant.serving.vertex import Vertex, vertex_of

ENVIRONMENT = {
    "AIP_HTTP_PORT": "8080",
    "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/8",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/8:predict",
}


def told() -> Vertex:
    vertex = vertex_of(ENVIRONMENT)
    assert vertex is not None
    return vertex


def request(target: str, method: str = "POST") -> Request:
    return Request(method=method, target=target, headers={}, body=b"{}")


def test_elsewhere_there_is_nothing_to_do() -> None:
    assert vertex_of({"PATH": "/bin"}) is None


def test_the_server_listens_where_the_platform_asks_and_nowhere_else() -> None:
    options = told().options(Options(model_name="kws"))
    assert (options.host, options.rest_api_port) == ("0.0.0.0", 8080)
    assert (options.port, options.wyoming_port, options.grpc_socket_path) == (0, 0, "")
    assert options.model_name == "kws"
    check_exposure(options)


def test_a_prediction_is_one_of_ours() -> None:
    asked = request(ENVIRONMENT["AIP_PREDICT_ROUTE"])
    ours = told().ours(asked, model="my model")
    assert ours.target == "/v1/models/my%20model:predict"
    assert ours.body == asked.body


def test_health_is_readiness() -> None:
    asked = request(ENVIRONMENT["AIP_HEALTH_ROUTE"] + "?x=1", "GET")
    assert told().ours(asked, model="m").target == "/v2/health/ready"


def test_every_other_path_stays_as_it_is() -> None:
    for target in ("/v1/models/m:predict", "/", ""):
        asked = request(target)
        assert told().ours(asked, model="m") is asked


def test_routes_that_were_not_given_are_no_routes() -> None:
    vertex = vertex_of({"AIP_HTTP_PORT": "1"})
    assert vertex == Vertex(port=1, health="", predict="")
    asked = request("")
    assert vertex.ours(asked, model="m") is asked


@pytest.mark.parametrize("port", ["", "x", "0", "65536", "-1", "٣"])
def test_a_port_is_a_port(port: str) -> None:
    with pytest.raises(ServeError, match="AIP_HTTP_PORT"):
        vertex_of({"AIP_HTTP_PORT": port})


@pytest.mark.parametrize("name", ["AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"])
def test_a_route_is_a_path(name: str) -> None:
    with pytest.raises(ServeError, match=name):
        vertex_of({**ENVIRONMENT, name: "http://elsewhere/"})
