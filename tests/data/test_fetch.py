"""Fetching survives a bad connection and believes nothing that a server says."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sonant.data import corpora
from sonant.data.corpora import Corpus
from sonant.data.fetch import Patience, fetch
from sonant.errors import FetchError

HASTE = Patience(delays_s=(0.0, 0.0, 0.0), timeout_s=2.0)


def zipped(seed: int = 0, *, size: int = 300_000) -> bytes:
    """An archive of a corpus that hardly shrinks, so that it can break off in the middle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for label in ("no", "yes"):
            noise = np.random.default_rng(seed).integers(0, 256, size // 2, np.uint8)
            info = zipfile.ZipInfo(f"tiny/{label}/a_nohash_0.wav", (2020, 1, 1, 0, 0, 0))
            archive.writestr(info, noise.tobytes())
    return out.getvalue()


@dataclass
class Site:
    """What the server has, and the faults it shows, one request after the other."""

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    """Whether it honours Range."""
    stated: int | None = None
    """The length it claims for the whole file; None is the truth, -1 says nothing."""
    breaks: list[int] = field(default_factory=list)
    """Bytes after which each next answer breaks off."""
    skips: list[int] = field(default_factory=list)
    """Bytes by which each next answer starts too late."""
    silent: threading.Event | None = None
    """The next answer stops in the middle and says nothing more until this is set."""
    statuses: list[int] = field(default_factory=list)
    """Answers of the next requests instead of the file."""
    asked: list[Message] = field(default_factory=list)
    """Headers of the requests there were."""
    url: str = ""


class Answer(BaseHTTPRequestHandler):
    """Serves the site of its server."""

    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(self.headers)
        if site.statuses:
            self.send_error(site.statuses.pop(0))
            return
        start = self.start_of(site) + (site.skips.pop(0) if site.skips else 0)
        if start > 0 and start >= len(site.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(site.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        total = len(site.content) if site.stated is None else site.stated
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if total >= 0:
            self.send_header("Content-Length", str(total - start))
        if site.etag:
            self.send_header("ETag", site.etag)
        self.end_headers()
        body = site.content[start:]
        silent, site.silent = site.silent, None
        if silent is not None:
            self.wfile.write(body[:100_000])
            silent.wait(10)
            return
        with contextlib.suppress(ConnectionError):  # the client may hang up
            self.wfile.write(body[: site.breaks.pop(0)] if site.breaks else body)

    def start_of(self, site: Site) -> int:
        """Where the client wants to go on; 0 when it may not."""
        wanted = self.headers.get("Range", "")
        is_same = self.headers.get("If-Range", site.etag) == site.etag
        if not (wanted and site.ranges and is_same):
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(zipped())
    handler = type("Handler", (Answer,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}/data/tiny.zip"
        yield site
        server.shutdown()
        thread.join()


def corpus_of(site: Site, **change: object) -> Corpus:
    """The corpus that should be there."""
    corpus = Corpus(
        name="tiny",
        url=site.url,
        sha256=hashlib.sha256(site.content).hexdigest(),
        bytes=len(site.content),
        licence="CC0",
        citation="nobody",
        layout="speech_commands",
    )
    return replace(corpus, **change)  # type: ignore[arg-type]


class Place(NamedTuple):
    """The names that fetching uses in a folder."""

    folder: Path

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def get(self, corpus: Corpus, patience: Patience = HASTE) -> Path:
        return fetch(corpus, self.folder, patience=patience)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def ranges(site: Site) -> list[str | None]:
    return [headers["Range"] for headers in site.asked]


def test_a_corpus_is_downloaded_checked_unpacked_and_tidied_up(site: Site, place: Place) -> None:
    seen: list[tuple[int, int]] = []
    home = fetch(
        corpus_of(site),
        place.folder / "new",
        on_progress=lambda done, total: seen.append((done, total)),
        patience=HASTE,
    )
    assert home == place.folder / "new" / "tiny"
    assert Place(home.parent).names() == ["tiny"]
    assert (len(site.content), len(site.content)) in seen
    assert {total for _, total in seen} == {len(site.content)}
    mark = json.loads((home / ".sonant-fetched.json").read_text())
    assert mark["sha256"] == hashlib.sha256(site.content).hexdigest()
    assert (mark["files"], mark["licence"]) == (2, "CC0")


def test_what_was_fetched_can_be_read(
    site: Site, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "CORPORA", {"tiny": corpus_of(site)})
    home = place.get(corpus_of(site))
    assert corpora.read("tiny", home).labels == ("no", "yes")


def test_what_is_there_is_not_fetched_again(site: Site, place: Place) -> None:
    place.get(corpus_of(site))
    place.get(corpus_of(site))
    assert len(site.asked) == 1


def test_a_break_in_the_middle_is_continued_from_there(site: Site, place: Place) -> None:
    site.breaks = [100_000, 50_000]
    place.get(corpus_of(site))
    assert ranges(site) == [None, "bytes=100000-", "bytes=150000-"]
    assert site.asked[1]["If-Range"] == '"one"'


def test_any_number_of_breaks_is_borne_while_something_comes(site: Site, place: Place) -> None:
    site.breaks = [20_000] * 12
    place.get(corpus_of(site))
    assert len(site.asked) == 13


def test_a_server_that_keeps_breaking_off_is_given_up_and_the_part_kept(
    site: Site, place: Place
) -> None:
    site.breaks = [100_000, 0, 0, 0, 0]
    with pytest.raises(FetchError, match=r"broke off.*100,000 bytes are kept.*same command"):
        place.get(corpus_of(site))
    assert place.names() == ["tiny.zip.part", "tiny.zip.part.json"]
    site.breaks = []
    place.get(corpus_of(site))
    assert ranges(site)[-1] == "bytes=100000-"
    assert place.names() == ["tiny"]


def test_a_file_that_changed_meanwhile_is_begun_anew(site: Site, place: Place) -> None:
    site.breaks = [100_000, 0, 0, 0, 0]
    with pytest.raises(FetchError):
        place.get(corpus_of(site))
    site.content, site.etag, site.breaks = zipped(1), '"two"', []
    place.get(corpus_of(site))
    assert ranges(site)[-1] == "bytes=100000-"
    assert place.names() == ["tiny"]


def test_another_part_than_was_asked_for_is_not_taken(site: Site, place: Place) -> None:
    site.breaks, site.skips = [100_000], [0, 10]
    place.get(corpus_of(site))
    assert ranges(site) == [None, "bytes=100000-", None]


def test_a_server_that_falls_silent_is_asked_again(site: Site, place: Place) -> None:
    site.silent = until = threading.Event()
    place.get(corpus_of(site), replace(HASTE, timeout_s=0.2))
    until.set()
    assert ranges(site) == [None, "bytes=100000-"]


def test_a_server_that_ignores_ranges_starts_over(site: Site, place: Place) -> None:
    site.ranges, site.breaks = False, [100_000]
    place.get(corpus_of(site))
    assert len(site.asked) == 2


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(
    site: Site, place: Place
) -> None:
    site.ranges, site.breaks = False, [100_000] * 20
    with pytest.raises(FetchError, match="gave up"):
        place.get(corpus_of(site))
    assert len(site.asked) == 4  # the first brought bytes, three more brought no new ones


def test_without_a_mark_of_its_version_a_part_is_continued_only_under_a_checksum(
    site: Site, place: Place
) -> None:
    site.etag, site.breaks = "", [100_000]
    place.get(corpus_of(site))
    assert ranges(site) == [None, "bytes=100000-"]
    site.breaks = [100_000]
    fetch(corpus_of(site, sha256=None), place.folder / "other", patience=HASTE)
    assert ranges(site)[2:] == [None, None]


def test_a_server_that_states_too_little_is_asked_for_the_rest(site: Site, place: Place) -> None:
    corpus, site.stated = corpus_of(site), 200_000
    site.breaks = [200_000]
    with pytest.raises(FetchError, match=r"broke off after 200,000 of 300,\d+ bytes"):
        place.get(corpus, HASTE)
    site.stated = None
    place.get(corpus)
    assert ranges(site)[-1] == "bytes=200000-"


def test_a_server_that_states_too_much_is_refused(site: Site, place: Place) -> None:
    corpus, site.stated = corpus_of(site), 10**9
    with pytest.raises(FetchError, match=r"offers 1,000,000,000 bytes, and the file has 300,"):
        place.get(corpus)
    assert place.names() == []


def test_a_server_that_states_more_than_it_sends_is_asked_again_and_given_up(
    site: Site, place: Place
) -> None:
    site.stated, site.ranges = len(site.content) + 1000, False
    with pytest.raises(FetchError, match=r"broke off after 300,\d+ of 301,\d+ bytes; gave up"):
        place.get(corpus_of(site, bytes=0))
    assert len(site.asked) == 4
    assert not (place.folder / "tiny").exists()


def test_the_checksum_decides_when_the_stated_length_was_wrong(site: Site, place: Place) -> None:
    site.stated = len(site.content) + 1000
    place.get(corpus_of(site, bytes=0))
    assert ranges(site) == [None, f"bytes={len(site.content)}-"]


def test_a_server_that_says_nothing_and_sends_without_end_is_stopped(
    site: Site, place: Place
) -> None:
    corpus, site.stated = corpus_of(site), -1
    site.content += b"x" * 10_000_000
    with pytest.raises(FetchError, match=r"sends more than the 300,\d+ bytes"):
        place.get(corpus)
    assert place.names() == []


def test_a_whole_part_is_used_without_asking(site: Site, place: Place) -> None:
    site.breaks = [len(site.content) - 1, 0, 0, 0, 0]
    with pytest.raises(FetchError):
        place.get(corpus_of(site))
    with (place.folder / "tiny.zip.part").open("ab") as part:
        part.write(site.content[-1:])
    before = len(site.asked)
    place.get(corpus_of(site))
    assert len(site.asked) == before


def test_a_whole_part_of_unknown_length_is_recognised_by_the_refusal(
    site: Site, place: Place
) -> None:
    corpus = corpus_of(site, bytes=0)
    (place.folder / "tiny.zip.part").write_bytes(site.content)
    (place.folder / "tiny.zip.part.json").write_text(json.dumps({"url": site.url, "etag": '"one"'}))
    place.get(corpus)
    assert ranges(site) == [f"bytes={len(site.content)}-"]


def test_a_part_longer_than_the_file_is_dropped(site: Site, place: Place) -> None:
    for size in (0, len(site.content)):
        (place.folder / "tiny.zip.part").write_bytes(site.content + b"x")
        note = {"url": site.url, "etag": '"one"'}
        (place.folder / "tiny.zip.part.json").write_text(json.dumps(note))
        shutil.rmtree(place.get(corpus_of(site, bytes=size)))
        assert ranges(site)[-1] is None


def test_a_part_of_another_address_is_dropped(site: Site, place: Place) -> None:
    (place.folder / "tiny.zip.part").write_bytes(b"something else")
    place.get(corpus_of(site))
    assert ranges(site) == [None]


def test_a_wrong_file_is_put_aside_and_never_used(site: Site, place: Place) -> None:
    corpus = corpus_of(site)
    right, site.content = site.content, zipped(1)
    with pytest.raises(FetchError, match=r"not the published file: sha256 .* kept as .*\.wrong"):
        place.get(corpus)
    assert place.names() == ["tiny.zip.part.json", "tiny.zip.wrong"]
    site.content = right
    place.get(corpus)
    assert ranges(site) == [None, None]


def test_an_archive_brought_by_hand_is_checked_and_used(site: Site, place: Place) -> None:
    (place.folder / "tiny.zip").write_bytes(zipped(1))
    with pytest.raises(FetchError, match="not the published file"):
        place.get(corpus_of(site))
    (place.folder / "tiny.zip").write_bytes(site.content)
    place.get(corpus_of(site))
    assert site.asked == []


def test_without_a_published_checksum_the_computed_one_is_told_as_unverified(
    site: Site, place: Place
) -> None:
    notes: list[str] = []
    fetch(corpus_of(site, sha256=None), place.folder, on_note=notes.append, patience=HASTE)
    digest = hashlib.sha256(site.content).hexdigest()
    assert any("unverified" in note and digest in note for note in notes)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final_and_says_what_to_do(site: Site, place: Place, status: int) -> None:
    site.statuses = [status]
    with pytest.raises(FetchError, match=rf"answered {status} .*by hand to .*tiny\.zip "):
        place.get(corpus_of(site))
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_trouble_is_tried_again(site: Site, place: Place, status: int) -> None:
    site.statuses = [status, status]
    place.get(corpus_of(site))
    assert len(site.asked) == 3


def test_nobody_there(site: Site, place: Place) -> None:
    corpus = corpus_of(site, url="http://127.0.0.1:9/tiny.zip")
    with pytest.raises(FetchError, match="the connection failed"):
        place.get(corpus)


def test_only_the_web_is_fetched_from(site: Site, place: Place) -> None:
    url = (place.folder / "elsewhere" / "secret.zip").as_uri()
    with pytest.raises(FetchError, match="only http and https"):
        place.get(corpus_of(site, url=url))


def test_a_full_disk_is_seen_before_the_download(
    site: Site, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(place.folder)._replace(free=400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(FetchError, match=r"has 400,000 bytes free, and 600,\d+ are needed"):
        place.get(corpus_of(site))


def test_a_folder_that_holds_something_else_is_not_touched(site: Site, place: Place) -> None:
    (place.folder / "tiny").mkdir()
    (place.folder / "tiny" / "mine.wav").write_bytes(b"mine")
    with pytest.raises(FetchError, match="move it away"):
        place.get(corpus_of(site))
    assert (place.folder / "tiny" / "mine.wav").read_bytes() == b"mine"


def test_an_empty_folder_of_that_name_is_filled(site: Site, place: Place) -> None:
    (place.folder / "tiny").mkdir()
    assert any(place.get(corpus_of(site)).rglob("*.wav"))


def test_an_unsafe_archive_leaves_no_trace(site: Site, place: Place) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("good.wav", b"x")
        archive.writestr("../escaped.wav", b"x")
    site.content = out.getvalue()
    with pytest.raises(FetchError, match="leads out of the folder"):
        fetch(corpus_of(site), place.folder / "in", patience=HASTE)
    assert Place(place.folder / "in").names() == ["tiny.zip"]
    assert place.names() == ["in"]


def test_a_folder_that_cannot_be_written_is_said(site: Site, place: Place) -> None:
    (place.folder / "file").write_text("x")
    with pytest.raises(FetchError, match="cannot be written"):
        fetch(corpus_of(site), place.folder / "file", patience=HASTE)


def test_an_unknown_name_gets_a_hint(place: Place) -> None:
    with pytest.raises(FetchError, match="did you mean mini_speech_commands"):
        fetch("mini_speech_comands", place.folder)
