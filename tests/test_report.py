"""The page of a report needs nothing but itself, shows every part, and survives hostile names."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from results import LABELS, report_of, row, unreadable, write_clip
from sonant import page, plots, report
from sonant.report import gallery
from sonant.scoring import Report

HISTORY = [
    {"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "learning_rate": 1e-3, "seconds": 2.0},
    {"epoch": 2, "train_loss": 0.5, "train_accuracy": 0.8, "learning_rate": 1e-3, "seconds": 2.0},
]
MORE = {
    "history": HISTORY,
    "recipe": "[fit]\nepochs = 2\n",
    "environment": {"numpy": "2.4"},
    "summary": "conv1  Conv2d",
    "notes": ("Only a test.",),
}
EVIL = '<script>alert("1")</script>&\'"'


class Outline(HTMLParser):
    """What a page is made of: every tag with its attributes, and its plain text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def six_clips(folder: Path) -> Report:
    """The report of six clips on disk, two of them answered wrongly."""
    answers = [
        ("go", "go"),
        ("go", "no"),
        ("no", "no"),
        ("no", "no"),
        ("yes", "no"),
        ("yes", "yes"),
    ]
    rows = [
        row(said, heard, path=write_clip(folder / said / f"{n}.wav", seed=n), speaker=f"s{n}")
        for n, (said, heard) in enumerate(answers)
    ]
    return report_of(rows)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return six_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def bare(results: Report) -> str:
    """The page of nothing but the report."""
    return render(results)


@pytest.fixture(scope="module")
def full(results: Report) -> str:
    """The page with everything on it."""
    return render(replace(results, unreadable=("x.wav: empty",)), **MORE)


def render(results: Report, **more: object) -> str:
    return report.render(results, title="A run", rate_hz=16_000, **more)  # type: ignore[arg-type]


def sections(html: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", html)


def test_every_part_has_its_section(full: str) -> None:
    assert sections(full) == [
        *("Result", "Training", "Confusions", "Labels", "Calibration", "Worst clips", "Examples"),
        *("Unreadable files", "Recipe", "Layers", "Environment"),
    ]
    text = Outline(full).text
    for words in ("epochs = 2", "numpy 2.4", "conv1 Conv2d", "Only a test.", "x.wav: empty"):
        assert words in text


def test_what_is_not_given_is_left_out(bare: str) -> None:
    assert sections(bare) == [
        *("Result", "Confusions", "Labels", "Calibration", "Worst clips", "Examples"),
    ]


def test_the_figures_stand_on_the_page(results: Report, bare: str) -> None:
    text = Outline(bare).text
    assert "4 of 6 clips heard right: split 'test' of tones" in text
    low, high = (100 * bound for bound in results.accuracy_interval)
    for words in (
        *("Accuracy 66.7 %", f"95 % interval {low:.1f}\u2013{high:.1f} %", "Clips 6", "Labels 3"),
        *("Parameters 1,234", "MACs per second 5.6 M", "Bundle 0.08 MB", "One clip takes 0.5 ms"),
        *(f"Macro F1 {results.macro_f1:.3f}", "bootstrap over 6 speakers", "tiny/1"),
        f"Calibration error {results.calibration_error:.3f}",
    ):
        assert words in text


def test_the_confusion_matrix_is_there_for_those_who_do_not_see_it(bare: str) -> None:
    text = Outline(bare).text
    assert "said \\ heard go no yes go 1 1 0 no 0 2 0 yes 0 1 1" in text
    assert "said heard clips of those said go no 1 50.0 % yes no 1 50.0 %" in text


def test_a_label_no_font_can_draw_is_explained(tmp_path: Path, bare: str) -> None:
    only = row("\udcff", "\udcff", path=write_clip(tmp_path / "a.wav"), labels=("\udcff",))
    words = "In the picture #3, say, is the third label"
    assert words in render(report_of([only], labels=("\udcff",)))
    assert words not in bare


def test_the_epoch_that_was_kept_is_marked(results: Report) -> None:
    html = render(results, history=HISTORY, best_epoch=1)
    assert base64.b64encode(plots.curves(HISTORY, best_epoch=1)).decode() in html


def test_every_picture_says_in_words_what_it_shows(bare: str) -> None:
    images = [attrs for tag, attrs in Outline(bare).tags if tag == "img"]
    assert len(images) == 2 + 2 * 6
    assert all(attrs["alt"] for attrs in images)


def test_the_page_asks_for_nothing_outside_itself(full: str) -> None:
    assert not re.search(r"https?:|//\w", re.sub(r"base64,[\w+/=]+", "", full))
    for tag, attrs in Outline(full).tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attrs.get(name) or "#").startswith(("data:", "#"))
    assert "default-src 'none'" in full


def test_a_section_may_be_reached_from_the_top(bare: str) -> None:
    outline = Outline(bare)
    links = {attrs["href"] for tag, attrs in outline.tags if tag == "a"}
    ids = {f"#{attrs['id']}" for _, attrs in outline.tags if "id" in attrs}
    assert links == ids


def test_hostile_names_are_text(tmp_path: Path) -> None:
    labels = (EVIL, "plain")
    path = str(tmp_path / EVIL / "a.wav")
    rows = [
        row(EVIL, "plain", path=path, speaker=EVIL, labels=labels),
        row("plain", EVIL, path=write_clip(tmp_path / "b<i>.wav"), labels=labels),
        unreadable(f"{EVIL}.wav", error=EVIL),
    ]
    results = replace(
        report_of([replace(r, label="plain") if r.error else r for r in rows], labels=labels),
        bundle=EVIL,
        data=EVIL,
        split=EVIL,
        interval_method=EVIL,
    )
    html = report.render(
        results,
        title=EVIL,
        rate_hz=16_000,
        recipe=EVIL,
        environment={EVIL: EVIL},
        summary=EVIL,
        notes=(EVIL,),
    )
    outline = Outline(html)
    assert outline.count("script") == 0
    assert outline.count("i") == html.count('<span class="bar"><i style=')
    assert outline.text.count(EVIL) > 12
    assert "b<i>.wav" in outline.text.replace("/ ", "/")


def test_a_name_that_is_no_text_is_written_as_an_escape(tmp_path: Path) -> None:
    rows = [
        row("go", "no", path="odd\udcff.wav"),
        row("no", "no", path=write_clip(tmp_path / "a.wav")),
    ]
    written = page.write(tmp_path / "report.html", render(report_of(rows)))
    assert "odd\\udcff.wav" in written.read_text(encoding="utf-8")


def test_the_same_results_give_the_same_page(results: Report, bare: str) -> None:
    assert render(results) == bare


def test_a_clip_that_has_vanished_is_shown_as_missing(tmp_path: Path) -> None:
    results = six_clips(tmp_path)
    Path(results.scored[1].path).unlink()
    Path(results.scored[4].path).write_bytes(b"no sound")
    html = render(results)
    assert html.count(">missing</span>") == 2
    assert html.count(">unreadable</span>") == 2
    assert Outline(html).count("audio") == 4 + 4
    assert f"{results.scored[1].path}: cannot be read as audio (no such file)" in html


def test_the_worst_clips_come_first_with_what_was_said_and_heard(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.wav")
    rows = [row("go", "yes", path=path, sure=0.7), row("no", "go", path=path, sure=0.95)]
    text = Outline(render(report_of(rows))).text
    first, second = "said no 2.5 % , heard go 95.0 %", "said go 15.0 % , heard yes 70.0 %"
    assert text.index(first) < text.index(second)
    assert "Only" not in text


def test_there_are_twenty_worst_clips_and_no_more(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.wav", seconds=0.05)
    rows = [row("go", "no", path=path, sure=0.5 + n / 100) for n in range(25)]
    html = render(report_of(rows))
    worst, examples = html.split("<h2>Examples</h2>")
    assert worst.count("<audio ") == 20
    assert examples.count("<audio ") == 2


def test_right_answers_among_the_worst_are_said_to_be_right(bare: str) -> None:
    text = Outline(bare).text
    assert "Only 2 were heard wrong; the others nearly were." in text


def test_one_label_and_one_clip_are_a_report(tmp_path: Path) -> None:
    only = row("go", "go", path=write_clip(tmp_path / "a.wav"), sure=1.0, labels=("go",))
    text = Outline(render(report_of([only], labels=("go",)))).text
    assert "1 of 1 clips heard right" in text
    assert "No clip was taken for another label." in text


def test_a_label_without_clips_is_named(tmp_path: Path) -> None:
    html = render(report_of([row("go", "go", path=write_clip(tmp_path / "a.wav"))]))
    assert "No clip says: no, yes." in html


def test_many_labels_have_one_example_each_and_not_without_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.wav", seconds=0.02)
    labels = tuple(f"word{n:02}" for n in range(43))
    rows = [row(label, label, path=path, labels=labels) for label in labels for _ in range(3)]
    examples = render(report_of(rows, labels=labels)).split("<h2>Examples</h2>")[1]
    assert examples.count("<audio ") == 40
    assert "the first 40 labels" in examples


def sounds(html: str) -> list[tuple[np.ndarray, int]]:
    """What the players of a page play: samples and their rate."""
    found = re.findall(r'src="data:audio/flac;base64,([^"]*)"', html)
    return [soundfile.read(io.BytesIO(base64.b64decode(data))) for data in found]


def test_a_player_plays_the_segment_as_the_model_heard_it(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "long.wav", seconds=1.5)
    whole, _ = soundfile.read(path)
    part = replace(row("go", "go", path=path), start_s=0.5, end_s=0.75, gain=0.5)
    html = render(report_of([part]))
    (heard, rate_hz), _ = sounds(html)
    assert rate_hz == 16_000
    np.testing.assert_allclose(heard, 0.5 * whole[8000:12000], atol=2 / 32768)
    assert "0.5 s to 0.75 s" in html


@pytest.mark.parametrize(
    ("native_hz", "model_hz", "carried_hz"),
    [(8_000, 16_000, 16_000), (44_100, 44_100, 16_000), (16_000, 8_000, 8_000)],
)
def test_a_page_carries_two_seconds_at_no_more_than_16_khz(
    tmp_path: Path, native_hz: int, model_hz: int, carried_hz: int
) -> None:
    path = write_clip(tmp_path / "a.wav", seconds=3, rate_hz=native_hz)
    html = report.render(report_of([row("go", "go", path=path)]), title="x", rate_hz=model_hz)
    samples, rate_hz = sounds(html)[0]
    assert (rate_hz, len(samples)) == (carried_hz, 2 * carried_hz)


def test_sound_that_is_no_number_or_nothing_is_still_shown(tmp_path: Path) -> None:
    paths = [tmp_path / "nan.wav", tmp_path / "none.wav"]
    soundfile.write(paths[0], np.array([np.nan, np.inf, 0.5, 3.0]), 16_000, subtype="FLOAT")
    soundfile.write(paths[1], np.zeros(0), 16_000)
    html = render(report_of([row("go", "no", path=str(path)) for path in paths]))
    assert sorted(len(samples) for samples, _ in sounds(html)) == [4, 4]
    assert html.count(">no sound</span>") == 2


def test_pictures_come_for_light_and_for_dark_pages(results: Report, bare: str) -> None:
    light, dark = (
        base64.b64encode(plots.confusion(results.confusion, LABELS, theme=theme)).decode()
        for theme in (plots.LIGHT, plots.DARK)
    )
    pair = (
        rf'dark\)" srcset="data:image/png;base64,{re.escape(dark)}"><img [^>]*{re.escape(light)}"'
    )
    assert re.search(pair, bare)


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100.0 %"), (0.99996, "> 99.9 %"), (0.5, "50.0 %"), (1e-5, "< 0.1 %"), (0.0, "0.0 %")],
)
def test_a_share_is_not_rounded_to_all_or_nothing(share: float, words: str) -> None:
    assert gallery.percent(share) == words


def test_paths_are_cut_where_they_part() -> None:
    def folder(*paths: str) -> str:
        return str(gallery.shared_folder([row("go", "go", path=path) for path in paths]))

    assert folder("/data/go/1.wav", "/data/no/1.wav") == "/data"
    assert folder("/data/go/1.wav") == "/data/go"
    assert folder("/data/1.wav", "/other/1.wav") == folder("1.wav", "2.wav") == "."
    assert folder("/data/1.wav", "data/1.wav") == "."


@pytest.mark.shared
def test_a_report_of_35_words_stays_below_six_megabytes(shared_data: Path) -> None:
    folder = shared_data / "speech_commands"
    labels = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "_"))
    rows = [
        row(label, labels[n % 3], path=str(path), labels=labels)
        for label in labels
        for n, path in enumerate(sorted((folder / label).iterdir())[:3])
    ]
    html = render(report_of(rows, labels=labels), history=HISTORY)
    assert len(labels) == 35
    assert html.count("<audio ") == 20 + 35
    assert 500_000 < len(html) < 6_000_000
