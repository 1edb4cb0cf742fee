"""Milliseconds to find one voice among very many, one core: sonant's store, a plain loop, index libraries.

    python bench/speaker_store.py [--speakers 100000] [--beyond 300000] [--questions 100] [--json]

Speakers are made up: a direction each, which share a part as real ones do, and utterances around it; a
question is an utterance that was not enrolled. Contenders take turns, question by question, so that what
else the machine does meets all alike. The store is a SQLite file and looks for changes by others at every
question. `right` is the share answered with the speaker, `as exact` the share answered as by comparing
everybody.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
if __name__ == "__main__":  # before numpy is loaded
    os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from sonant.speakers.records import Utterance  # noqa: E402
from sonant.speakers.search import Search  # noqa: E402
from sonant.speakers.store import SpeakerStore  # noqa: E402

Rows = NDArray[np.float32]
MODEL = "0" * 64
SHARED, OWN, MOMENT = 0.45, 1.0, 0.75
"""Parts of an utterance's direction: of all speakers, of its own, of the moment; cosines 0.11 and 0.68."""
ENROLLED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contender took."""

    name: str
    speakers: int
    build_s: float
    median_ms: float
    p95_ms: float
    right: float
    as_exact: float


def voices(speakers: int, size: int, *, seed: int) -> tuple[Rows, Callable[[int, int], Rows]]:
    """Enrolled vectors [speakers, size], and a maker of further utterances by (speaker, number)."""
    draws = np.random.default_rng(seed)
    shared = draws.standard_normal(size).astype(np.float32)
    own = OWN * draws.standard_normal((speakers, size), dtype=np.float32) + SHARED * shared

    def utterance(speaker: int, number: int) -> Rows:
        moment = np.random.default_rng((seed, speaker, number)).standard_normal(size)
        return unit(own[speaker] + MOMENT * moment.astype(np.float32))

    return unit(own + MOMENT * draws.standard_normal(own.shape, dtype=np.float32)), utterance


def unit(rows: Rows) -> Rows:
    """Rows at length 1."""
    found: Rows = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return found


def plain_loop(matrix: Rows) -> Callable[[Rows], int]:
    """Every speaker by itself, as one would write it first."""

    def ask(vector: Rows) -> int:
        best, found = -2.0, -1
        for number, row in enumerate(matrix):
            cosine = np.dot(row, vector)
            if cosine > best:
                best, found = cosine, number
        return found

    return ask


def store(matrix: Rows, folder: Path) -> Callable[[Rows], int]:
    """The store itself, filled a part at a time."""
    kept = SpeakerStore(folder / "speakers.sqlite")
    for first in range(0, len(matrix), ENROLLED_AT_ONCE):
        part = matrix[first : first + ENROLLED_AT_ONCE]
        several = (Utterance(name=str(first + at), vector=row) for at, row in enumerate(part))
        kept.enroll_all(several, model_digest=MODEL)
    kept.identify(matrix[0], model_digest=MODEL)
    return lambda vector: int(kept.identify(vector, 5, model_digest=MODEL)[0].name)


def search(matrix: Rows, *, exact: bool) -> Callable[[Rows], int]:
    """The store's search without a file, by comparing everybody or with the index."""
    kept = Search(matrix.shape[1], exact_up_to=len(matrix) if exact else 0)
    kept.put(range(len(matrix)), matrix)
    kept.nearest(matrix[0], top=1)
    return lambda vector: kept.nearest(vector, top=5)[0][0]


def usearch(matrix: Rows) -> Callable[[Rows], int]:
    """The graph of usearch, as it comes."""
    index = import_module("usearch.index").Index(ndim=matrix.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(matrix)), matrix, threads=1)
    return lambda vector: int(index.search(vector, 5, threads=1).keys[0])


def faiss_graph(matrix: Rows) -> Callable[[Rows], int]:
    """The graph of FAISS, as it comes."""
    faiss = import_module("faiss")
    index = faiss.IndexHNSWFlat(matrix.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.add(matrix)
    return lambda vector: int(index.search(vector[None], 5)[1][0, 0])


def contenders(folder: Path, *, beyond: bool) -> dict[str, Callable[[Rows], Callable[[Rows], int]]]:
    """Who can take part with what is installed, by title."""
    found: dict[str, Callable[[Rows], Callable[[Rows], int]]] = {
        "one matrix product": lambda rows: search(rows, exact=True)
    }
    if not beyond:
        found["plain numpy loop"] = plain_loop
        found["SpeakerStore.identify"] = lambda rows: store(rows, folder)
    if beyond and find_spec("faiss"):
        found["sonant's index (FAISS codes)"] = lambda rows: search(rows, exact=False)
    if beyond and find_spec("faiss") and "--graphs" in sys.argv:
        found["FAISS graph"] = faiss_graph
    if beyond and find_spec("usearch") and "--graphs" in sys.argv:
        found["usearch graph"] = usearch
    return found


def measure(speakers: int, *, size: int, questions: int, beyond: bool) -> list[Row]:
    """Build every contender on the same speakers, then ask all the same questions in turn."""
    matrix, utterance = voices(speakers, size, seed=speakers)
    truth = np.random.default_rng(7).integers(0, speakers, questions)
    with tempfile.TemporaryDirectory() as name:
        asked, built, took, given = {}, {}, {}, {}
        for title, make in contenders(Path(name), beyond=beyond).items():
            start = time.perf_counter()
            asked[title] = make(matrix)
            built[title] = time.perf_counter() - start
            took[title], given[title] = [], []
        for number, speaker in enumerate(truth):
            vector = utterance(int(speaker), number)
            for title, ask in asked.items():
                start = time.perf_counter()
                answer = ask(vector)
                took[title].append(1e3 * (time.perf_counter() - start))
                given[title].append(answer)
    exact = np.array(given["one matrix product"])
    return [
        Row(
            name=title,
            speakers=speakers,
            build_s=built[title],
            median_ms=statistics.median(took[title]),
            p95_ms=float(np.percentile(took[title], 95)),
            right=float(np.mean(np.array(given[title]) == truth)),
            as_exact=float(np.mean(np.array(given[title]) == exact)),
        )
        for title in asked
    ]


def main() -> None:
    """Measure, then print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--speakers", type=int, default=100_000)
    parser.add_argument("--beyond", type=int, default=300_000, help="0: leave the index out")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--graphs", action="store_true", help="HNSW graphs too; minutes to build")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    given = {"size": options.size, "questions": options.questions}
    rows = measure(options.speakers, beyond=False, **given)
    if options.beyond:
        rows += measure(options.beyond, beyond=True, **given)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    heads = ("", "speakers", "build s", "median ms", "95 % ms", "right", "as exact")
    print("{:30}{:>10}{:>9}{:>11}{:>9}{:>8}{:>10}".format(*heads))
    for row in rows:
        print(
            f"{row.name:30}{row.speakers:>10,}{row.build_s:>9.1f}{row.median_ms:>11.2f}"
            f"{row.p95_ms:>9.2f}{row.right:>8.3f}{row.as_exact:>10.3f}"
        )


if __name__ == "__main__":
    main()
