"""`sonant attack` as a whole: what is written is what was judged, whatever stops it on the way."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attackable import LOUD, Attacked
from sonant import audio, ledger
from sonant.attacking.cases import Case, sound
from sonant.attacking.ears import VerifierEar, margins
from sonant.attacks.victims import CLAIMED
from sonant.card import Card
from sonant.errors import Interrupted, ManifestError, SonantError
from sonant.events import Event, Note, Working
from sonant.manifest import Item, Manifest

PROGRAM = """
import sys
from pathlib import Path
from sonant import attacking
from sonant.attacking.planning import Asked
from sonant.attacks.bounds import Bound
from sonant.manifest import Manifest

bundle, data, out = map(Path, sys.argv[1:])
wanted = attacking.Wanted(
    asked=Asked(data=Manifest.load(data), count=12), bound=Bound(epsilon=0.05), method="nes",
    queries=300, device="cpu",
)
print("made", attacking.attack(bundle, wanted, out=out).made)
"""


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_rows_are_files(out: Path) -> None:
    rows = rows_of(out)
    assert {row["path"] for row in rows} == {f"wav/{p.name}" for p in (out / "wav").iterdir()}
    assert len({row["path"] for row in rows}) == len(rows)
    for row in rows:
        assert ledger.digest(out / row["path"]) == row["sha256"]


def test_gradients_win_clips_that_nothing_else_wins_and_the_files_hold_it(
    attacked: Attacked, speakers: Path, voices: Manifest, tmp_path: Path
) -> None:
    done = attacked(asked={"count": 8})
    out = tmp_path / "out"
    assert_rows_are_files(out)
    assert done.success.won > done.unattacked.won
    assert done.success.won >= 7
    assert not done.idle
    card = Card.read(speakers)
    assert done.threshold is not None

    def read(item: Item) -> audio.Samples:
        return sound(item, card.audio, task=card.task, longest_s=10.0)

    ear = VerifierEar(card, rate_hz=card.audio.rate_hz, threshold=done.threshold, read=read)
    known = {str(item.path): item for item in voices}
    for row in done.rows:
        case = Case(number=0, item=known[row["source"]], answer=CLAIMED, claim=known[row["claim"]])
        clip = audio.read(out / row["path"])
        (margin,) = margins(ear.scores([case], [clip.samples]), [case], ear.names)
        assert margin == pytest.approx(float(row["score_after"]), abs=1e-4)
        assert (margin > 0) == (row["success"] == "yes")
        clean = read(case.item)
        assert abs(clip.samples - clean).max() <= (LOUD.epsilon or 0)
        assert row["label"] == "spoof"
        assert case.item.speaker != row["claim_speaker"]


def test_the_summary_and_the_page_say_it_all_by_themselves(
    attacked: Attacked, speakers: Path, graph_alone: Path, tmp_path: Path
) -> None:
    done = attacked()
    said = json.loads(done.summary.read_text())
    assert said["success"]["clips"] == 4
    assert said["success"]["low"] <= said["success"]["share"] <= said["success"]["high"]
    assert said["proof"]["clips"] == 4
    assert said["threshold"]
    text = done.report.read_text()
    for part in (
        "How many clips are won",
        "unattacked",
        "Listen",
        "<audio",
        "data:image/png",
        "STOI",
    ):
        assert part in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_second_run_does_nothing_twice_and_a_longer_one_goes_on(attacked: Attacked) -> None:
    first = attacked(asked={"count": 3})
    again = attacked(asked={"count": 5})
    assert (first.made, again.made) == (3, 2)
    assert again.rows[:3] == first.rows
    assert attacked(asked={"count": 5}).made == 0


def test_other_settings_want_another_folder(attacked: Attacked) -> None:
    attacked()
    with pytest.raises(ManifestError, match=r"was made with goal accept, not reject; choose"):
        attacked(asked={"goal": "reject"})


def test_killed_half_way_it_goes_on_and_nothing_is_lost_or_twice(
    speakers: Path, voices: Manifest, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    table = tmp_path / "voices.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "speaker", "split"))
        writer.writerows((item.path, item.speaker, item.split) for item in voices)
    arguments = [sys.executable, "-c", PROGRAM, str(speakers), str(table), str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None and len(list(out.glob("wav/[0-9]*"))) < 3:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # Killed, not done: otherwise this test shows nothing.
        assert process.returncode == -signal.SIGKILL
    there = {path.name for path in out.glob("wav/[0-9]*")}
    rows = {Path(row["path"]).name for row in rows_of(out)}
    assert rows <= there
    assert len(there) - len(rows) <= 1
    again = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert again.stdout == f"made {12 - len(rows)}\n"
    assert_rows_are_files(out)
    assert len(rows_of(out)) == 12


def test_stopped_by_hand_it_says_so_and_keeps_what_is_whole(
    attacked: Attacked, tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Working) and (event.what, event.done) == ("attacking", 2):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 2 of 4 clips; .* goes on"):
        attacked(method="nes", queries=60, on_event=stop)
    assert_rows_are_files(tmp_path / "out")
    assert attacked(method="nes", queries=60).made == 2


def test_minutes_end_a_run_between_batches(attacked: Attacked) -> None:
    with pytest.raises(SonantError, match="not one batch was done"):
        attacked(minutes=0.0)
    attacked(asked={"count": 2})
    found = attacked(asked={"count": 4}, minutes=0.0)
    assert (found.made, found.missing, len(found.rows)) == (0, 2, 2)


def test_who_else_falls_is_asked_of_the_written_files(
    attacked: Attacked, speakers: Path, recogniser: Path, graph_alone: Path
) -> None:
    done = attacked(transfer=(speakers, recogniser))
    own, same, words = done.transfers
    assert own.attacked == done.success
    assert own.unattacked == done.unattacked
    assert same.attacked == own.attacked
    assert words.about == "another word than before"
    assert words.unattacked.won == 0, "a clean clip never gets another answer than itself"


def test_a_graph_without_a_model_is_attacked_by_its_scores_alone(
    attacked: Attacked, graph_alone: Path
) -> None:
    with pytest.raises(SonantError, match=r"graph alone \(fused\); nes and fakebob attack it"):
        attacked(bundle=graph_alone)
    done = attacked(bundle=graph_alone, method="nes", queries=110, asked={"count": 1, "seed": 1})
    assert done.proof is None
    assert int(done.rows[0]["queries"]) <= 110


def test_an_attack_that_does_nothing_is_said_to(attacked: Attacked) -> None:
    from sonant.attacks.bounds import Bound

    assert attacked(bound=Bound(epsilon=1e-6)).idle


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"adaptive": True}, "--adaptive: attacks through defences"),
        ({"longest_s": 11.0}, "--seconds 11"),
        ({"method": "magic"}, "there is no such attack; there are fgsm, pgd"),
        ({"device": "cuda:99x"}, "want auto, cpu, cuda"),
        ({"defences": ("hope",)}, "there is no such defence; there are quantise"),
        ({"defences": ("quantise:many",)}, "'many' is no number"),
        ({"method": "cw", "defences": ("quantise",), "adaptive": True}, "cannot attack through"),
        ({"asked": {"goal": "nobody"}}, "nobody of that name speaks in the split test"),
        ({"asked": {"split": "exam"}}, "exam"),
        ({"asked": {"kind": "recogniser"}}, "tells speakers apart, not words"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_way_out(
    attacked: Attacked, wanted: dict[str, object], said: str
) -> None:
    with pytest.raises(SonantError, match=said):
        attacked(**wanted)


def test_it_tells_where_the_threshold_comes_from_and_that_the_attack_works(
    attacked: Attacked,
) -> None:
    notes: list[str] = []
    attacked(on_event=lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    assert any("not calibrated: equal errors" in note for note in notes)
    assert any(note.startswith("proof: PGD at epsilon 0.002") for note in notes)
