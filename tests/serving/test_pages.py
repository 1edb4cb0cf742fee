"""The page's files and facts: all that it names is there, and nothing else is given out."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import runpy
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from serving.doubles import Doubling
from serving.served_tones import write_served
from sonant.card import Card
from sonant.serving import pages
from sonant.serving.batching import Batching
from sonant.serving.bundles import open_bundle
from sonant.serving.http import Reply, Request
from sonant.serving.running import Running
from sonant.serving.servable import Servable
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec
from sonant.serving.status import not_found
from tone_stream import LABELS

OWN = sorted(path for path in pages.FOLDER.iterdir() if path.is_file())
TEXTS = [path for path in OWN if path.suffix in (".html", ".js", ".css", ".svg")]


@dataclass
class Shelf:
    """As much of a catalog as the page asks."""

    servables: Mapping[tuple[str, int], Servable]

    def names(self) -> list[str]:
        return sorted({name for name, _ in self.servables})

    def labels(self, name: str) -> Mapping[str, int]:
        return {"stable": 1, "canary": 3} if name == "stream" else {}

    def available(self, name: str) -> list[int]:
        return [version for known, version in self.servables if known == name]

    @contextmanager
    def held(self, spec: ModelSpec) -> Iterator[Running]:
        servable = self.servables.get((spec.name, spec.version or 0))
        if servable is None:
            raise not_found("Servable not found for request: ...")
        with ThreadPoolExecutor(1) as executor:
            yield Running(
                servable, name=spec.name, version=spec.version or 0, executor=executor,
                batching=Batching(),
            )  # fmt: skip


@dataclass
class Holding:
    catalog: Shelf


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`stream/1` knows whole clips only, `stream/3` streams."""
    return write_served(tmp_path_factory.mktemp("page")).parent


@pytest.fixture(scope="module")
def shelf(folder: Path) -> Shelf:
    bundles = {("stream", number): open_bundle(folder / str(number)) for number in (1, 3)}
    return Shelf({**bundles, ("half plus/two", 1): Doubling()})


def ask(
    path: str, *, shelf: Shelf | None = None, method: str = "GET", headers: Mapping[str, str] = {}
) -> Reply:
    service = cast(Service, Holding(shelf or Shelf({})))
    request = Request(method=method, target=path, headers=headers, body=b"")
    return asyncio.run(pages.answer(service, request))


def read(path: str, shelf: Shelf) -> Any:
    reply = ask(path, shelf=shelf)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def test_the_page_is_at_the_root() -> None:
    reply = ask("/")
    assert (reply.status, reply.content_type) == (200, "text/html; charset=utf-8")
    assert b"<title>sonant</title>" in reply.body
    assert ask("/?utm=1").body == reply.body


@pytest.mark.parametrize("path", [path for path in pages.FILES if "/vendor/" not in path])
def test_every_file_of_the_table_is_there(path: str) -> None:
    reply = ask(path)
    assert reply.status == 200
    assert reply.content_type == pages.FILES[path][1]


def test_what_is_fetched_at_build_time_is_in_the_table() -> None:
    script = Path(__file__).parents[2] / "tools" / "vendor_page.py"
    fetched = runpy.run_path(str(script))
    assert {name for name, _ in pages.FILES.values() if name.startswith("vendor/")} == {
        f"vendor/{name}" for name in (*fetched["FILES"], *fetched["NOTICES"])
    }


def test_every_file_of_the_folder_is_in_the_table() -> None:
    assert {path.name for path in OWN} == {
        name for name, _ in pages.FILES.values() if not name.startswith("vendor/")
    }


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_what_a_file_names_is_served(path: Path) -> None:
    text = path.read_text()
    named = [f"/{found}" for found in re.findall(r'["(](page/[\w./-]+\.\w+)["?)]', text)]
    named += [f"/page/{found}" for found in re.findall(r'from "\./([\w.-]+)"', text)]
    assert [one for one in named if one not in (*pages.FILES, pages.MODELS)] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_nothing_comes_from_outside(path: Path) -> None:
    outside = re.findall(
        r"(?:https?:)?//[\w-]+[\w.:/-]*", re.sub(r"(^|\s)//.*", "", path.read_text())
    )
    assert set(outside) <= {"http://www.w3.org/2000/svg", "http://localhost:"}


def test_the_policy_allows_what_is_the_servers_own_and_the_markup_needs_no_more() -> None:
    headers = ask("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    markup = (pages.FOLDER / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", markup)


def test_what_the_browser_has_is_not_sent_again() -> None:
    first = ask("/page/page.js")
    again = ask("/page/page.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    other = ask("/page/page.js", headers={"if-none-match": '"another"'})
    assert (other.status, other.body) == (200, first.body)


def test_the_page_is_only_read() -> None:
    assert ask("/", method="HEAD").status == 200
    for path in ("/", "/page/page.js", "/page/models.json", "/page/graphs/stream/3/stream.json"):
        reply = ask(path, method="POST")
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/page",
        "/page/",
        "/page/index.html",
        "/page/../pages.py",
        "/page/%2e%2e/pages.py",
        "/page//etc/passwd",
        "/page/vendor/.gitignore",
        "/page/vendor/../page.js",
        "/page/page.js/",
        "/favicon.ico",
        "//",
        "/page/graphs/stream/3/../../../../bundle.json",
        "/page/graphs/stream/3/bundle.json",
        "/page/graphs/stream/\u00b2/stream.json",
        "/page/graphs/stream//stream.json",
        "/page/graphs/..%2fstream/3/stream.json",
        "/page/graphs/stream/2/stream.json",
        "/page/graphs/stream/1/stream.onnx",
        "/page/graphs/half%20plus%2Ftwo/1/stream.json",
    ],
)
def test_nothing_else_is_given_out(path: str, shelf: Shelf) -> None:
    reply = ask(path, shelf=shelf)
    assert (reply.status, reply.content_type) == (404, "application/json")
    assert json.loads(reply.body)["error"]


def test_the_models_are_those_that_recognise_something(shelf: Shelf) -> None:
    (model,) = read("/page/models.json", shelf)["models"]
    newest, first = model["versions"]
    assert (model["name"], newest["version"], first["version"]) == ("stream", 3, 1)
    assert (newest["version_labels"], first["version_labels"]) == (["canary"], ["stable"])
    assert tuple(newest["labels"]) == LABELS
    assert (newest["streams"], first["streams"]) == (True, False)


def test_a_model_says_how_it_listens(shelf: Shelf) -> None:
    facts = read("/page/models.json", shelf)["models"][0]["versions"][0]
    assert (facts["rate_hz"], facts["hop"], facts["delay"], facts["clip_ms"]) == (
        16_000,
        160,
        80,
        1000,
    )
    assert (facts["threshold"], facts["thresholds"]) == (0.5, [0.5, 0.5, 0.5, None])


def test_a_damaged_operating_point_is_told_of_and_hides_no_other_model(
    tmp_path: Path, shelf: Shelf
) -> None:
    damaged = write_served(tmp_path, operating_point={"decision": {"threshold": 7}})
    both = Shelf({**shelf.servables, ("damaged", 3): open_bundle(damaged)})
    models = read("/page/models.json", both)["models"]
    assert [model["name"] for model in models] == ["damaged", "stream"]
    (facts,) = models[0]["versions"]
    assert not facts["streams"]
    assert "threshold" in facts["problem"]
    assert ask("/page/graphs/damaged/3/stream.json", shelf=both).status == 404


def test_the_browser_is_offered_only_what_came_with_the_server(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "RUNTIME", tmp_path / "ort.mjs")
    assert not read("/page/models.json", shelf)["in_browser"]
    (tmp_path / "ort.mjs").touch()
    assert read("/page/models.json", shelf)["in_browser"]
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    assert ask("/page/vendor/ort.wasm.min.mjs").status == 404


def test_the_step_graph_is_the_file_that_was_verified(shelf: Shelf, folder: Path) -> None:
    reply = ask("/page/graphs/stream/3/stream.onnx", shelf=shelf)
    assert reply.status == 200
    card = Card.read(folder / "3")
    assert hashlib.sha256(reply.body).hexdigest() == card.files["graphs/stream.onnx"]
    again = ask(
        "/page/graphs/stream/3/stream.onnx", shelf=shelf,
        headers={"if-none-match": reply.headers["etag"]},
    )  # fmt: skip
    assert (again.status, again.body) == (304, b"")


def test_a_graph_that_changed_on_the_disk_is_not_given_out(tmp_path: Path) -> None:
    folder = write_served(tmp_path)
    shelf = Shelf({("stream", 3): open_bundle(folder)})
    graph = folder / "graphs" / "stream.onnx"
    content = graph.read_bytes()
    graph.unlink()
    assert ask("/page/graphs/stream/3/stream.onnx", shelf=shelf).status == 404
    graph.write_bytes(content[:-1])
    assert ask("/page/graphs/stream/3/stream.onnx", shelf=shelf).status == 404
    graph.write_bytes(content)
    assert ask("/page/graphs/stream/3/stream.onnx", shelf=shelf).status == 200


def test_the_graphs_card_says_how_it_runs_and_decides(shelf: Shelf, folder: Path) -> None:
    card = read("/page/graphs/stream/3/stream.json", shelf)
    spec = Card.read(folder / "3").graphs["stream"]
    assert spec.stream is not None
    assert (card["name"], card["version"], tuple(card["labels"])) == ("stream", 3, LABELS)
    assert (card["input"], card["output"], card["step_hops"]) == (spec.input, spec.output, None)
    assert [(s["name"], s["next"], tuple(s["shape"])) for s in card["states"]] == [
        (state.name, state.next, state.shape) for state in spec.stream.states
    ]
    assert card["decision"] == {
        "thresholds": [0.5, 0.5, 0.5, None],
        "release": 0.4,
        "smoothing_frames": 10,
        "patience": 1,
        "refractory_frames": 50,
    }
