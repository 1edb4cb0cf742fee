"""The front end: the numbers of its peers, what it learns, and that it is the same in every run."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant import strict
from sonant.errors import ModelError
from sonant.nn import features
from sonant.nn.frontend import (
    FRONT_ENDS,
    FrontEnd,
    FrontEndConfig,
    LogMelConfig,
    MfccConfig,
    RawConfig,
    SpectrogramConfig,
)
from sonant.nn.frontend_config import Normalise
from sonant.nn.spectrum import Dft

REFERENCE = Path(__file__).parent / "reference"
RATE_HZ = 16_000
WAYS: tuple[Dft, ...] = ("fft", "matmul")

TUTORIAL = SpectrogramConfig(window_length=255, hop_length=128)
KWS_LOG_MEL = LogMelConfig(
    window_length=640, hop_length=320, centre=False, power=1, mels=40, min_hz=20.0, max_hz=7000.0,
    slopes="mel", log="ln", floor=1e-12,
)  # fmt: skip
LIBROSA_MFCC = MfccConfig(
    window_length=512, hop_length=128, centre=True, pad="zeros", power=2, mels=128, min_hz=0.0,
    scale="slaney", norm="slaney", slopes="hz", log="db", floor=1e-10, top_db=80.0, coefficients=39,
)  # fmt: skip
LIBROSA_MEL = LogMelConfig(
    window_length=512, hop_length=128, pad="zeros", scale="slaney", norm="slaney", log="none"
)

PEERS: dict[str, tuple[FrontEndConfig, int]] = {
    "tensorflow/stft_255_128": (TUTORIAL, RATE_HZ),
    "tensorflow/stft_255_128_resized": (
        SpectrogramConfig(window_length=255, hop_length=128, resize=(32, 32)),
        RATE_HZ,
    ),
    "tensorflow/log_mel_640_320": (KWS_LOG_MEL, RATE_HZ),
    "tensorflow/mfcc_640_320": (MfccConfig(max_hz=7000.0), RATE_HZ),
    "librosa/stft_512_128": (
        SpectrogramConfig(window_length=512, centre=True, pad="zeros"),
        22_050,
    ),
    "librosa/stft_512_128_window_400": (
        SpectrogramConfig(window_length=400, fft_length=512, centre=True),
        22_050,
    ),
    "librosa/mel_512_128": (LIBROSA_MEL, 22_050),
    "librosa/mfcc_512_128": (LIBROSA_MFCC, 22_050),
    "torchaudio/mel_1024_512": (LogMelConfig(log="none"), RATE_HZ),
    "torchaudio/decibels_1024_512": (LogMelConfig(top_db=80.0), RATE_HZ),
}
EACH_KIND: tuple[FrontEndConfig, ...] = (
    SpectrogramConfig(normalise="global", resize=(32, 32)),
    LogMelConfig(top_db=80.0, normalise="per_bin"),
    MfccConfig(normalise="per_bin", pre_emphasis=0.97),
    RawConfig(frame_length=400, hop_length=160),
    LogMelConfig(log="pcen", normalise="per_bin", hop_length=256),
)


def stored(name: str) -> NDArray[np.float32]:
    library, _, key = name.partition("/")
    values: NDArray[np.float32] = np.load(REFERENCE / f"{library}.npz")[key]
    if key == "mfcc_640_320":  # TensorFlow scales a coefficient 0 that is not orthonormal
        values[0] /= np.sqrt(2.0)
    return values


def signal() -> Tensor:
    pcm = np.load(REFERENCE / "signal.npz")["pcm"]
    return torch.from_numpy(pcm.astype(np.float32) / 32768)[None, None]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


def agree(given: Tensor, wanted: Tensor | NDArray[np.float32], *, within: float = 1e-4) -> bool:
    """Equal to a share of the value, and of the largest where a value is all but nothing."""
    expected = torch.as_tensor(wanted)
    return torch.allclose(
        given, expected, rtol=within, atol=within / 50 * float(expected.abs().max())
    )


@pytest.mark.parametrize("dft", WAYS)
@pytest.mark.parametrize("name", PEERS)
def test_the_numbers_are_those_of_the_peer(name: str, dft: Dft) -> None:
    config, rate_hz = PEERS[name]
    front_end = FrontEnd(config, rate_hz=rate_hz)
    front_end.dft = dft
    wanted = stored(name)

    given = front_end(signal())[0]

    assert given.shape == wanted.shape == front_end.shape(signal().shape[-1])
    assert agree(given, wanted)


@pytest.mark.parametrize("config", [TUTORIAL, *EACH_KIND[1:3], LIBROSA_MFCC])
def test_fourier_by_fft_and_by_matrix_agree(
    config: FrontEndConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    clips = noise(3, 1, 8000)
    front_end.dft = "matmul"
    by_matrix = front_end(clips)
    front_end.dft = "fft"
    assert agree(front_end(clips), by_matrix)
    # Large batches are worked off in other parts, for speed only.
    monkeypatch.setattr(features, "WORTH_A_CALL", 0)
    assert agree(front_end(clips), by_matrix)


def test_the_defaults_of_mfcc_make_49_frames_of_20_from_a_second() -> None:
    assert FrontEnd(MfccConfig(), rate_hz=RATE_HZ).shape(16_000) == (20, 49)


@pytest.mark.parametrize("samples", [1000, 1025, 1536, 4001])
@pytest.mark.parametrize(
    "config",
    [
        *EACH_KIND,
        RawConfig(),
        SpectrogramConfig(window_length=301, fft_length=333, hop_length=77, centre=True),
        SpectrogramConfig(window_length=250, fft_length=600, hop_length=600, centre=True),
        MfccConfig(window_length=1000, hop_length=1200, centre=True, pad="zeros"),
    ],
)
@pytest.mark.parametrize("large_batch", [False, True])
def test_the_shape_is_known_without_running(
    config: FrontEndConfig, samples: int, large_batch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "WORTH_A_CALL", 0 if large_batch else 1 << 30)
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    for dft in WAYS:
        front_end.dft = dft
        assert front_end(noise(2, 1, samples)).shape == (2, *front_end.shape(samples))


@pytest.mark.parametrize(
    ("config", "samples", "setting"),
    [
        (TUTORIAL, 254, "window_length"),
        (LogMelConfig(), 512, "window_length"),
        (MfccConfig(pad="zeros", centre=True), 0, "window_length"),
        (RawConfig(frame_length=400), 399, "frame_length"),
    ],
)
def test_a_clip_too_short_is_refused_by_the_setting(
    config: FrontEndConfig, samples: int, setting: str
) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    with pytest.raises(ModelError, match=rf"front_end\.{setting}.*{samples} samples"):
        front_end.shape(samples)
    with pytest.raises(ModelError, match=setting):
        front_end(torch.zeros(1, 1, samples))
    assert front_end.shape(samples + 1)[1] == 1 + (config == LogMelConfig())


@pytest.mark.parametrize("config", EACH_KIND)
def test_no_clips_make_no_features(config: FrontEndConfig) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    assert front_end(torch.zeros(0, 1, 8000)).shape == (0, *front_end.shape(8000))


@pytest.mark.parametrize("shape", [(2, 8000), (2, 2, 8000), (8000,)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"\[batch, 1, samples\]"):
        FrontEnd(TUTORIAL, rate_hz=RATE_HZ)(torch.zeros(shape))


def test_a_band_above_half_the_rate_is_refused() -> None:
    with pytest.raises(ModelError, match=r"max_hz.*7000 Hz.*8000 Hz"):
        FrontEnd(MfccConfig(max_hz=7000.0), rate_hz=8000)


def test_filters_that_hold_no_bin_at_all_are_refused() -> None:
    config = LogMelConfig(window_length=64, min_hz=10.0, max_hz=200.0, mels=4)
    with pytest.raises(ModelError, match=r"front_end\.mels.*fft_length"):
        FrontEnd(config, rate_hz=RATE_HZ)


@pytest.mark.parametrize("config", EACH_KIND)
def test_clips_of_a_batch_do_not_know_each_other(
    config: FrontEndConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    clips = noise(5, 1, 8000) * torch.tensor([1.0, 100.0, 1e-3, 0.0, 1.0])[:, None, None]
    together = front_end(clips)
    # The sizes in which a batch is worked off are for speed only.
    monkeypatch.setattr(features, "PIECE_BYTES", 300_000)
    for number in range(5):
        alone = front_end(clips[number : number + 1])
        assert agree(together[number], alone[0], within=1e-5)
    assert agree(front_end(clips), together, within=1e-5)


def test_pre_emphasis_takes_from_each_sample_its_predecessor() -> None:
    front_end = FrontEnd(RawConfig(pre_emphasis=0.5), rate_hz=RATE_HZ)
    clip = torch.tensor([[[1.0, 1.0, -1.0, 0.25]]])
    assert front_end(clip).tolist() == [[[1.0, 0.5, -1.5, 0.75]]]


def test_raw_frames_are_the_samples_in_order() -> None:
    clip = torch.arange(7.0)[None, None]
    side_by_side = FrontEnd(RawConfig(frame_length=3), rate_hz=RATE_HZ)
    overlapping = FrontEnd(RawConfig(frame_length=3, hop_length=2), rate_hz=RATE_HZ)
    assert FrontEnd(RawConfig(), rate_hz=RATE_HZ)(clip).tolist() == clip.tolist()
    assert side_by_side(clip)[0].T.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert overlapping(clip)[0].T.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]


def test_top_db_is_measured_from_the_loudest_frame_even_if_resizing_skips_it() -> None:
    clip = torch.zeros(1, 1, 16_000)
    clip[..., 100:140] = 1.0  # heard in the first frames alone
    whole = FrontEnd(LogMelConfig(top_db=30.0), rate_hz=RATE_HZ)
    small = FrontEnd(LogMelConfig(top_db=30.0, resize=(64, 2)), rate_hz=RATE_HZ)
    assert small(clip).min() == pytest.approx(float(whole(clip).max()) - 30.0, abs=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (20, 124), (200, 200), (1, 1)])
def test_resizing_is_that_of_an_image(size: tuple[int, int]) -> None:
    clips = noise(2, 1, 16_000)
    whole = FrontEnd(TUTORIAL, rate_hz=RATE_HZ)(clips)
    resized = FrontEnd(SpectrogramConfig(resize=size), rate_hz=RATE_HZ)(clips)
    wanted = F.interpolate(whole[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    assert agree(resized, wanted)


@pytest.mark.parametrize("normalise", ["per_bin", "global"])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_statistics_are_those_of_all_features_at_once(normalise: Normalise, scale: float) -> None:
    config = SpectrogramConfig(power=2, resize=(16, 16), normalise=normalise)
    clips = noise(11, 1, 4000) * scale
    plain = FrontEnd(SpectrogramConfig(power=2), rate_hz=RATE_HZ)(clips).double().numpy()
    axes = (0, 2) if normalise == "per_bin" else (0, 1, 2)
    front_end = FrontEnd(config, rate_hz=RATE_HZ)

    front_end.adapt(iter([clips[:1], clips[1:8], clips[8:8], clips[8:]]))

    np.testing.assert_allclose(front_end.mean.numpy(), plain.mean(axes).ravel(), rtol=1e-6)
    np.testing.assert_allclose(front_end.std.numpy(), plain.std(axes).ravel(), rtol=1e-6)


def test_adapted_features_have_mean_0_and_deviation_1_at_any_scale() -> None:
    front_end = FrontEnd(SpectrogramConfig(power=2, normalise="per_bin"), rate_hz=RATE_HZ)
    clips = noise(6, 1, 8000) * 1e-3
    front_end.adapt([clips])
    normal = front_end(clips).double()
    assert normal.mean((0, 2)).abs().max() < 1e-5
    assert (normal.std((0, 2), correction=0) - 1).abs().max() < 1e-5


def test_a_bin_that_never_varied_in_training_stays_small_later() -> None:
    config = LogMelConfig(log="ln", normalise="per_bin", window_length=256, mels=80)
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    clips = noise(4, 1, 8000)
    front_end.adapt([clips])
    assert (front_end.std == 0).any()  # so many filters that the lowest hold no bin
    assert front_end(clips * 3).abs().max() < 20

    silent = FrontEnd(SpectrogramConfig(normalise="global"), rate_hz=RATE_HZ)
    silent.adapt([torch.zeros(2, 1, 8000)])
    assert silent(clips).isfinite().all()


def test_nothing_to_learn_from_is_an_error() -> None:
    front_end = FrontEnd(MfccConfig(normalise="per_bin"), rate_hz=RATE_HZ)
    with pytest.raises(ModelError, match="no clips"):
        front_end.adapt([])


def test_damaged_clips_leave_the_statistics_as_they_were() -> None:
    front_end = FrontEnd(MfccConfig(normalise="per_bin"), rate_hz=RATE_HZ)
    clips = noise(2, 1, 8000)
    clips[1, 0, 100] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        front_end.adapt([clips])
    assert front_end.mean.tolist() == [0.0] * 20


def test_without_normalisation_no_clip_is_looked_at() -> None:
    unread = iter([noise(1, 1, 8000)])
    FrontEnd(MfccConfig(), rate_hz=RATE_HZ).adapt(unread)
    assert next(unread, None) is not None


def test_the_weights_are_the_statistics_and_fit_any_length_of_clip() -> None:
    config = LogMelConfig(normalise="per_bin", resize=(32, 32))
    learned, fresh = (FrontEnd(config, rate_hz=RATE_HZ) for _ in range(2))
    learned(noise(1, 1, 16_000))
    learned.adapt([noise(4, 1, 16_000)])
    assert {name: list(value.shape) for name, value in learned.state_dict().items()} == {
        "mean": [64],
        "std": [64],
    }

    fresh.load_state_dict(learned.state_dict())

    clip = noise(1, 1, 9000)
    assert torch.equal(fresh(clip), learned(clip))
    assert not FrontEnd(MfccConfig(), rate_hz=RATE_HZ).state_dict()
    assert not list(learned.parameters())


@pytest.mark.parametrize("config", EACH_KIND)
def test_half_precision_outside_changes_nothing_inside(config: FrontEndConfig) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    clips = noise(2, 1, 8000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        given = front_end(clips)
    assert given.dtype == torch.float32
    assert torch.equal(given, front_end(clips))


@pytest.mark.parametrize("config", EACH_KIND)
def test_the_gradient_is_the_slope_and_finite_in_silence(config: FrontEndConfig) -> None:
    front_end = FrontEnd(config, rate_hz=RATE_HZ)
    clips = noise(2, 1, 4000)
    weights = noise(2, *front_end.shape(4000), seed=1)

    def objective(samples: Tensor) -> Tensor:
        features: Tensor = front_end(samples) * weights
        return features.sum()

    moving = clips.clone().requires_grad_()
    (slope,) = torch.autograd.grad(objective(moving), moving)
    step = 1e-3 * slope / slope.norm()
    rise = (objective(clips + step).double() - objective(clips - step).double()) / 2
    assert float(rise) == pytest.approx(float((slope * step).sum()), rel=2e-2)

    silent = torch.zeros(1, 1, 4000, requires_grad=True)
    front_end(silent).sum().backward()
    assert silent.grad is not None
    assert silent.grad.isfinite().all()


def test_magnitudes_under_a_logarithm_have_a_gradient_too() -> None:
    front_end = FrontEnd(SpectrogramConfig(log="ln", floor=1e-4, power=1), rate_hz=RATE_HZ)
    moving = noise(1, 1, 4000).requires_grad_()
    front_end(moving).sum().backward()
    assert moving.grad is not None
    assert moving.grad.isfinite().all()
    assert moving.grad.any()


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_recipe_names_a_front_end_and_its_settings(name: str) -> None:
    tables = {FrontEndConfig: FRONT_ENDS}
    tree = {"name": name, "normalise": "per_bin", "resize": [32, 30]}
    config = strict.build(FrontEndConfig, tree, "recipe.front_end", tables=tables)
    assert config == FRONT_ENDS[name](normalise="per_bin", resize=(32, 30))
    plain = strict.plain(config, tables=tables)
    assert strict.build(FrontEndConfig, plain, "recipe.front_end", tables=tables) == config


class SideBySide(nn.Module):
    """Several front ends as one graph, since every export takes seconds."""

    def __init__(self, front_ends: list[FrontEnd]) -> None:
        super().__init__()
        self.front_ends = nn.ModuleList(front_ends)

    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        return tuple(front_end(samples) for front_end in self.front_ends)


def test_every_kind_exports_with_a_free_batch_and_answers_alike(tmp_path: Path) -> None:
    clips = noise(3, 1, 8000)
    front_ends = [FrontEnd(config, rate_hz=RATE_HZ) for config in EACH_KIND]
    for front_end in front_ends:
        front_end.adapt([clips])
    graph = tmp_path / "front_ends.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            SideBySide(front_ends).eval(),
            (clips[:2],),
            dynamo=True,
            verbose=False,
            input_names=["samples"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        )
    assert program is not None
    program.save(str(graph))
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        answers = session.run(None, {"samples": clips[:batch].numpy()})
        for front_end, answer in zip(front_ends, answers, strict=True):
            assert agree(front_end(clips[:batch]), answer)
