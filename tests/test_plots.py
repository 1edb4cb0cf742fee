"""Pictures are whole PNG files that show what they are given, whatever the labels are called."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sonant import plots
from sonant.errors import MissingExtra
from sonant.metrics import reliability
from sonant.plots import DARK, LIGHT, canvas

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "validation_loss": 2.2 / epoch + 0.1 * epoch,
        "validation_accuracy": accuracy,
        "learning_rate": 1e-3 / epoch,
        "seconds": 3.0,
        "clips_per_second": 900.0,
    }
    for epoch, accuracy in enumerate((0.5, 0.7, 0.9, 0.8), start=1)
]
TRAINING_ONLY = [
    {name: value for name, value in row.items() if not name.startswith("validation")}
    for row in HISTORY
]
COUNTS = [[8, 2, 0], [0, 9, 1], [0, 0, 5]]
LABELS = ("go", "no", "yes")
CURVE = reliability([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1])


def hum(frequency_hz: float, *, rate_hz: int = 16_000) -> NDArray[np.float32]:
    time_s = np.arange(rate_hz // 2) / rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def pixels(png: bytes) -> NDArray[np.int64]:
    """[rows, columns, 3] of 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int64)


def is_colour(png: bytes, colour: str) -> NDArray[np.bool_]:
    """[rows, columns]: where the picture has a colour, `#rrggbb`, within what 256 colours allow."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels(png) - wanted).max(axis=2) <= 10


PICTURES: dict[str, Callable[[plots.Theme], bytes]] = {
    "curves": lambda theme: plots.curves(HISTORY, theme=theme),
    "confusion": lambda theme: plots.confusion(COUNTS, LABELS, theme=theme),
    "clip": lambda theme: plots.waveform_and_spectrogram(hum(900), 16_000, title="a", theme=theme),
    "reliability": lambda theme: plots.reliability(CURVE, theme=theme),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())
def test_the_same_picture_has_the_same_bytes(draw: Callable[[plots.Theme], bytes]) -> None:
    first = draw(LIGHT)
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert draw(LIGHT) == first


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_picture_lies_on_the_ground_of_its_theme(
    draw: Callable[[plots.Theme], bytes], theme: plots.Theme
) -> None:
    png = draw(theme)
    assert is_colour(png, theme.ground)[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    assert is_colour(png, theme.accent).any()


def test_importing_draws_on_nothing_and_drawing_leaves_pyplot_alone() -> None:
    program = (
        "import sys; from sonant import plots; assert 'matplotlib' not in sys.modules;"
        "plots.confusion([[1]], ['go']); import matplotlib;"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "assert dict(matplotlib.rcParams) == dict(matplotlib.rc_params())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())
def test_without_matplotlib_the_extra_is_named(
    draw: Callable[[plots.Theme], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    canvas.fonts.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'sonant\[report\]'"):
        draw(LIGHT)


def test_the_best_epoch_is_that_of_the_highest_validation_accuracy() -> None:
    assert plots.curves(HISTORY) == plots.curves(HISTORY, best_epoch=3)
    assert plots.curves(HISTORY) != plots.curves(HISTORY, best_epoch=2)


def test_the_lower_loss_decides_between_equal_accuracies() -> None:
    even = [row | {"validation_accuracy": 0.5} for row in HISTORY]
    least = min(even, key=lambda row: row["validation_loss"])["epoch"]
    assert plots.curves(even) == plots.curves(even, best_epoch=int(least))


def test_where_nothing_is_right_or_wrong_the_best_epoch_is_marked_beside_the_loss() -> None:
    losses = [
        {name: value for name, value in row.items() if "accuracy" not in name} for row in HISTORY
    ]
    marked = [plots.curves(losses, best_epoch=epoch) for epoch in (2, 3)]
    assert marked[0] != marked[1]
    assert marked[0] != plots.curves(HISTORY, best_epoch=2)


def test_without_validation_the_training_accuracy_stands_in() -> None:
    assert plots.curves(TRAINING_ONLY) == plots.curves(TRAINING_ONLY, best_epoch=4)


def test_validation_is_drawn_where_there_is_any() -> None:
    assert is_colour(plots.curves(HISTORY), LIGHT.second).any()
    assert not is_colour(plots.curves(TRAINING_ONLY), LIGHT.second).any()


@pytest.mark.parametrize(
    "history",
    [
        [],
        HISTORY[:1],
        [{"epoch": 1, "train_loss": 1.0}],
        [HISTORY[0], TRAINING_ONLY[1]],
        [row | {"validation_loss": float("nan"), "train_loss": float("inf")} for row in HISTORY],
        [row | {"validation_accuracy": float("nan")} for row in HISTORY],
    ],
    ids=["none", "one epoch", "loss only", "validation missing once", "no numbers", "no accuracy"],
)
def test_a_history_with_gaps_is_still_a_picture(history: list[dict[str, float]]) -> None:
    assert pixels(plots.curves(history)).shape[1] > 500


def test_right_answers_have_one_colour_and_wrong_ones_another() -> None:
    right = plots.confusion([[5, 0], [0, 5]], ("a", "b"))
    wrong = plots.confusion([[0, 5], [5, 0]], ("a", "b"))
    assert is_colour(right, LIGHT.accent).mean() > 0.05
    assert not is_colour(right, LIGHT.second).any()
    assert is_colour(wrong, LIGHT.second).mean() > 0.05
    assert not is_colour(wrong, LIGHT.accent).any()


def test_a_row_is_coloured_by_its_share_not_by_its_count() -> None:
    few = plots.confusion([[5, 0], [0, 5]], ("a", "b"))
    many = plots.confusion([[5, 0], [0, 5000]], ("a", "b"))
    assert is_colour(few, LIGHT.accent).mean() == pytest.approx(
        is_colour(many, LIGHT.accent).mean(), rel=0.1
    )


@pytest.mark.parametrize("size", [1, 2, 12, 40, 90])
def test_a_matrix_of_any_size_fits_a_page(size: int) -> None:
    counts = np.diag(np.arange(size)) + np.eye(size, k=1, dtype=int)
    height, width, _ = pixels(plots.confusion(counts, [f"word {n}" for n in range(size)])).shape
    assert 100 < height < 2000
    assert 100 < width < 2000


def test_numbers_are_written_where_they_fit() -> None:
    with_numbers = plots.confusion(np.diag([88] * 8), list("abcdefgh"))
    without = plots.confusion(np.diag([8_888_888_888_888] * 8), list("abcdefgh"))
    cell = is_colour(without, LIGHT.accent)
    assert (cell & ~is_colour(with_numbers, LIGHT.accent)).sum() > 50


@pytest.mark.parametrize(
    "label",
    ["$x^2$", "$\\nope$", "_unknown_", "a" * 300, "", "\n", "نعم", "はい", "\udcff", "<b>", "%s"],
)
def test_a_label_may_be_called_anything(label: str) -> None:
    assert pixels(plots.confusion([[1, 1], [0, 1]], (label, "plain"))).size
    assert pixels(plots.waveform_and_spectrogram(hum(440), 16_000, title=label)).size


def test_long_labels_are_shortened_and_those_no_font_has_are_numbered() -> None:
    assert canvas.drawable(["stop", "x" * 40, "\udcff"]) == ["stop", "x" * 17 + "…", "#3"]


def test_a_spectrogram_is_bright_where_the_sound_is() -> None:
    def brightest_row(frequency_hz: float) -> int:
        picture = pixels(plots.waveform_and_spectrogram(hum(frequency_hz), 16_000))
        lower = picture[75:180, 60:300].sum(axis=(1, 2))
        return int(lower.argmax())

    assert brightest_row(6000) < brightest_row(3500) < brightest_row(1000)


def test_the_wave_is_as_high_as_the_sound_is_loud() -> None:
    def painted(gain: float) -> int:
        png = plots.waveform_and_spectrogram(np.float32(gain) * hum(440), 16_000)
        return int(is_colour(png, LIGHT.accent)[:80].sum())

    assert painted(1.8) > 2 * painted(0.6) > 0


@pytest.mark.parametrize("length", [0, 1, 50, 16_000, 80_000])
@pytest.mark.parametrize("rate_hz", [8_000, 22_050])
def test_silence_of_any_length_is_a_picture(length: int, rate_hz: int) -> None:
    assert pixels(plots.waveform_and_spectrogram(np.zeros(length, np.float32), rate_hz)).size


def test_a_reliability_curve_of_a_single_clip_is_a_picture() -> None:
    assert pixels(plots.reliability(reliability([[1.0]], [0]))).size
