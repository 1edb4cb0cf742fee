"""What is written is what is judged: rounded, inside the bound, one row a file, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bundles import tone
from sonant import audio, ledger
from sonant.attacking import work
from sonant.attacking.cases import Case
from sonant.attacking.ears import WordEar
from sonant.attacking.judging import Judge
from sonant.attacking.methods import Found
from sonant.attacking.work import COLUMNS, SETTINGS, Budget, Worker, batches, left_of
from sonant.attacks.bounds import Bound
from sonant.audio import Samples
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.ledger import Ledger
from sonant.manifest import Item

BOUND = Bound(epsilon=0.01)
SAME = dict.fromkeys(SETTINGS, "")
CASES = tuple(
    Case(number=n, item=Item(path=Path(f"{label}.wav"), label=label), answer=label, away=True)
    for n, label in enumerate(("low", "mid", "high"))
)


def read(item: Item) -> Samples:
    return audio.from_pcm16(audio.to_pcm16(tone(item.label)))


def into_noise(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
    """An attack that says the next word, far beyond any bound."""
    return Found([0.9 * tone("high") for _ in sounds], [5] * len(cases))


def worker(out: Path, book: Ledger, bundle: Path, *, bound: Bound = BOUND) -> Worker:
    card = Card.read(bundle)
    judge = Judge(WordEar(card, rate_hz=16_000, read=read), rate_hz=16_000)
    return Worker(
        out=out,
        book=book,
        settings=SAME,
        attack=into_noise,
        judge=judge,
        read=read,
        rate_hz=16_000,
        bound=bound,
    )


def test_rows_say_what_the_file_itself_gives_back(tiny_bundle: Path, tmp_path: Path) -> None:
    with Ledger.opened(tmp_path, SAME, columns=COLUMNS, what="clips") as book:
        rows = worker(tmp_path, book, tiny_bundle, bound=Bound(epsilon=2.0)).run(CASES)
        assert book.rows == rows
    assert [row["success"] for row in rows] == ["yes", "yes", "no"]
    assert [row["unattacked"] for row in rows] == ["no"] * 3
    for row, case in zip(rows, CASES, strict=True):
        file = tmp_path / row["path"]
        assert ledger.digest(file) == row["sha256"]
        heard = audio.read(file)
        assert heard.rate_hz == 16_000
        np.testing.assert_allclose(heard.samples, 0.9 * tone("high"), atol=1 / 32768)
        assert (row["said"], row["away"], row["queries"]) == (case.item.label, "yes", "5")
        assert float(row["seconds"]) == 1.0
        noise = heard.samples - read(case.item)
        assert float(row["max_noise"]) == pytest.approx(float(np.abs(noise).max()), rel=1e-4)


def test_rounding_does_not_bring_a_file_out_of_the_bound(tiny_bundle: Path, tmp_path: Path) -> None:
    with Ledger.opened(tmp_path, SAME, columns=COLUMNS, what="clips") as book:
        rows = worker(tmp_path, book, tiny_bundle).run(CASES)
    for row, case in zip(rows, CASES, strict=True):
        noise = audio.read(tmp_path / row["path"]).samples - read(case.item)
        assert 0 < np.abs(noise).max() <= 0.01


def test_what_is_done_is_not_done_again(tiny_bundle: Path, tmp_path: Path) -> None:
    with Ledger.opened(tmp_path, SAME, columns=COLUMNS, what="clips") as book:
        assert left_of(book, CASES) == list(CASES)
        worker(tmp_path, book, tiny_bundle).run(CASES[:2])
        assert left_of(book, CASES) == list(CASES[2:])


def test_a_row_of_another_recording_stops_it(tiny_bundle: Path, tmp_path: Path) -> None:
    with Ledger.opened(tmp_path, SAME, columns=COLUMNS, what="clips") as book:
        worker(tmp_path, book, tiny_bundle).run(CASES[:1])
        item = Item(path=Path("elsewhere") / "low.wav", label="low")
        other = Case(number=0, item=item, answer="low", away=True)
        assert other.path == CASES[0].path
        with pytest.raises(ManifestError, match=r"was made of low\.wav .* choose another --out"):
            left_of(book, [other])


def test_batches_keep_the_order_and_leave_nothing_out() -> None:
    found = list(batches(CASES, 2))
    assert [len(some) for some in found] == [2, 1]
    assert [case for some in found for case in some] == list(CASES)


def test_minutes_that_are_over_are_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(work.time, "monotonic", lambda: now)
    budget, endless = Budget(2.0), Budget(None)
    assert not budget.spent
    now = 219.9
    assert not budget.spent
    now = 220.0
    assert budget.spent
    assert not endless.spent
