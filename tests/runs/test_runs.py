"""Whole runs: data and recipe in, bundle, figures and report out; the tour is one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sonant
from sonant import runs, tour
from sonant.card import Card
from sonant.data.preparation import DataConfig, only
from sonant.errors import AudioError, ManifestError, RecipeError, TrainingError
from sonant.manifest import Columns, Item, Manifest
from sonant.recipe import Recipe
from tone_speakers import SPEAKERS_RECIPE, tone_speakers
from words import SMALL, spoken_words


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def outcome(words: Manifest, tmp_path_factory: pytest.TempPathFactory) -> runs.Outcome:
    done = sonant.train(
        SMALL,
        words,
        out=tmp_path_factory.mktemp("run") / "run",
        overrides=["fit.epochs=6"],
        rehearsal=False,
    )
    assert done is not None
    return done


def test_the_python_api_says_what_the_command_line_says(
    words: Manifest, outcome: runs.Outcome
) -> None:
    report = sonant.evaluate(outcome.folder, words)
    assert report.accuracy == outcome.metrics["test_accuracy"] > 0.6
    clip = words.where(split="test").items[0]
    prediction = sonant.load(outcome.bundle).predict(clip.path)
    assert prediction.label in words.labels
    assert prediction.probability == prediction.top[0][1]


def test_the_run_folder_is_complete(outcome: runs.Outcome) -> None:
    for name in ("curves.png", "confusion.png", "report.html", "evaluation.json", "recipe.toml",
                 "labels.txt", "model_summary.txt", "metrics.jsonl"):  # fmt: skip
        assert (outcome.folder / name).stat().st_size > 0, name
    found = json.loads((outcome.folder / "evaluation.json").read_text())
    assert {"accuracy", "clips", "labels", "confusion", "parameters"} <= found.keys()
    assert outcome.report == outcome.folder / "report.html"


def test_unsplit_data_is_evaluated_on_what_training_held_out(
    words: Manifest, tmp_path: Path
) -> None:
    unsplit = Manifest(
        items=tuple(type(i)(path=i.path, label=i.label, speaker=i.speaker) for i in words),
        name="unsplit",
    )
    done = runs.train(
        SMALL, unsplit, out=tmp_path / "run", overrides=["fit.epochs=1"], rehearsal=False
    )
    assert done is not None
    held_out = DataConfig().prepare(unsplit, seed=0).where(split="test")
    report = sonant.evaluate(done.bundle, unsplit)
    assert {row.path for row in report.scored} == {str(item.path) for item in held_out}


def test_labels_narrow_the_held_out_clips_and_never_reach_into_training(
    words: Manifest, outcome: runs.Outcome
) -> None:
    held_out = {str(item.path) for item in words.where(split="test")}
    report = sonant.evaluate(outcome.bundle, words, labels=["low"])
    assert {row.path for row in report.scored} <= held_out
    assert {row.label for row in report.scored} == {"low"}


def test_test_clips_that_training_never_hears_are_left_out_by_name(
    words: Manifest, tmp_path: Path
) -> None:
    other = tuple(
        Item(path=words.items[0].path, label=label, split="test") for label in ("hum", "")
    )
    notes: list[object] = []
    done = runs.train(
        SMALL,
        Manifest(items=(*words.items, *other)),
        out=tmp_path / "run",
        overrides=["fit.epochs=1"],
        rehearsal=False,
        on_event=notes.append,
    )
    assert done is not None
    assert "test_accuracy" in done.metrics
    assert any(
        "2 clips whose labels training never hears: (no label), hum" in str(n) for n in notes
    )


def test_labels_that_are_not_there_are_named(words: Manifest) -> None:
    with pytest.raises(
        ManifestError, match=r"no clip labelled yes; its labels are high, low, noise"
    ):
        only(words, ("yes", "low"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_clip_that_cannot_be_read_stops_the_run_before_it_begins(
    words: Manifest, tmp_path: Path, split: str
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"nothing")
    items = (*words.items, Item(path=bad, label="low", split=split))
    with pytest.raises(AudioError, match=r"bad\.wav"):
        runs.train(SMALL, Manifest(items=items), out=tmp_path / "run", rehearsal=False)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    done = runs.train(
        SMALL,
        Manifest(items=items),
        out=tmp_path / "run2",
        overrides=["fit.epochs=1"],
        rehearsal=False,
        skip_unreadable=True,
    )
    assert done is not None
    assert len(done.unreadable) == 1
    assert "bad.wav" in done.unreadable[0]
    evaluated = json.loads((done.folder / "evaluation.json").read_text())
    assert evaluated["unreadable"] == []
    assert evaluated["clips"] == len(words.where(split="test"))


def test_columns_and_audio_mean_what_they_mean_in_evaluation(
    words: Manifest, tmp_path: Path
) -> None:
    rows = [f"{i.path.relative_to(words.root)},wrong,{i.label},{i.split}" for i in words]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["path,label,heard,set", *rows]))
    done = runs.train(
        SMALL,
        table,
        out=tmp_path / "run",
        overrides=["fit.epochs=1"],
        columns=Columns(label="heard", split="set"),
        audio=words.root,
        rehearsal=False,
    )
    assert done is not None
    assert (done.folder / "labels.txt").read_text().split() == list(words.labels)


def test_a_choice_of_labels_finds_the_clips_of_the_whole_corpus_decoded(
    words: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONANT_CACHE", str(tmp_path / "cache"))
    for number, labels in enumerate(('["high", "low"]', '["low", "noise"]')):
        settings = ["fit.epochs=1", f"data.labels={labels}"]
        out = tmp_path / str(number)
        runs.train(SMALL, words, out=out, overrides=settings, rehearsal=False)
    assert len(list((tmp_path / "cache" / "clips").glob("*.pcm"))) == 1


def test_overrides_of_a_recipe_object_are_refused(words: Manifest, tmp_path: Path) -> None:
    recipe = Recipe.load(SMALL)
    with pytest.raises(RecipeError, match="taken as it is"):
        runs.train(recipe, words, out=tmp_path / "run", overrides=["fit.epochs=1"])


def test_free_folders_are_numbered_and_the_last_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert runs.run_folder("a", resume=False) == Path("runs/a")
    Path("runs/a").mkdir(parents=True)
    assert runs.run_folder("a", resume=False) == Path("runs/a-2")
    Path("runs/a-2").mkdir()
    assert runs.run_folder("a", resume=True) == Path("runs/a-2")


def test_a_folder_of_speakers_becomes_a_model_of_them_and_another_loss_goes_on_from_it(
    tmp_path: Path,
) -> None:
    tone_speakers(tmp_path / "voices", speakers=12)
    notes: list[object] = []
    done = runs.train(
        SPEAKERS_RECIPE,
        tmp_path / "voices",
        out=tmp_path / "run",
        overrides=["data.shares=[60, 20, 20]", "fit.epochs=2"],
        rehearsal=False,
        on_event=notes.append,
    )
    assert done is not None
    assert done.report is None
    assert {"validation_eer", "test_eer", "train_loss"} <= done.metrics.keys()
    assert any("12 speakers" in str(note) for note in notes)
    found = json.loads((done.folder / "evaluation.json").read_text())
    assert found["test_eer"] == done.metrics["test_eer"]
    assert "held-out speakers" in found["trials"]
    triplets = ["speaker.loss.name=triplet", "speaker.together=2", "fit.epochs=1"]
    second = runs.train(
        SPEAKERS_RECIPE,
        tmp_path / "voices",
        out=tmp_path / "second",
        overrides=["data.shares=[60, 20, 20]", *triplets],
        parent=done.folder,
        rehearsal=False,
    )
    assert second is not None
    assert Card.read(second.bundle).provenance.parent == "tones/1"


def test_words_are_fine_tuned_by_their_own_recipe_alone(
    outcome: runs.Outcome, words: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="name one or the other"):
        runs.train(SMALL, words, out=tmp_path / "run", parent=outcome.bundle)


def test_the_tour_makes_everything_it_shows(words: Manifest, tmp_path: Path) -> None:
    found = tour.tour(tmp_path / "demo", data=words, recipe=str(SMALL))
    for path in found.paths().values():
        assert path.exists()
    assert found.predicted == len(words.where(split="test"))
    lines = found.predictions.read_text().splitlines()
    assert lines[0].startswith("file_name,target")
    assert len(lines) == found.predicted + 1
    tour.tour(tmp_path / "demo", data=words, recipe=str(SMALL))  # made anew


def test_the_tour_clears_nothing_that_is_not_a_run(words: Manifest, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(TrainingError, match="was not made by the demo"):
        tour.tour(tmp_path / "mine", data=words, recipe=str(SMALL))
    assert (tmp_path / "mine" / "thesis.txt").exists()
