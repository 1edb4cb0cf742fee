"""The distance of a mel from the sound it should be of, and its sum over recordings held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from small_converters import RATE_HZ, SMALL_MEL
from sonant.data.batches import Share
from sonant.data.cache import decode_manifest
from sonant.data.speaker_batches import SpeakerSplit
from sonant.nn.voice_mel import VoiceMelFrontEnd
from sonant.tasks.reconstruction import Middles, Reconstruction
from tone_speakers import tone_speakers


class Off(nn.Module):
    """A converter that is off by half a neper everywhere, and by far more where nothing sounds."""

    def forward(self, source: Tensor, target: None, lengths: Tensor) -> Tensor:
        mel = VoiceMelFrontEnd(SMALL_MEL, rate_hz=RATE_HZ)(source)
        frames = torch.arange(mel.shape[-1])
        return torch.where(frames[None, None] <= lengths[:, None, None] // 64, mel + 0.5, 1e6)


def test_only_sound_frames_count_and_every_clip_by_itself() -> None:
    samples = 0.1 * torch.randn(2, 960, generator=torch.Generator().manual_seed(0))
    samples[1, 320:] = 0
    lengths = torch.tensor([960, 320])
    said = Off()(samples.unsqueeze(1), None, lengths)
    found = Reconstruction(SMALL_MEL, rate_hz=RATE_HZ)(said, samples, lengths)
    assert_close(found, torch.tensor([0.5, 0.5]))


def test_processes_score_shares_that_add_up_to_the_whole(tmp_path: Path) -> None:
    voices = tone_speakers(tmp_path, speakers=10)
    store = decode_manifest(voices, rate_hz=RATE_HZ).store
    held = Middles(SpeakerSplit.of(voices, store, "validation"), 2600)
    distance = Reconstruction(SMALL_MEL, rate_hz=RATE_HZ)

    def sums(share: Share) -> dict[str, float]:
        where = {"device": torch.device("cpu"), "precision": torch.float32}
        return dict(held.score(Off(), distance, share=share, **where))

    whole = sums(Share())
    assert whole["clips"] == len(held) == 6
    assert whole["loss"] == pytest.approx(3.0, rel=1e-4)
    parts = [sums(Share(rank=rank, of=4)) for rank in range(4)]
    assert sum(part["loss"] for part in parts) == pytest.approx(whole["loss"])
    assert sum(part["clips"] for part in parts) == 6


def test_without_recordings_there_is_no_score(tmp_path: Path) -> None:
    voices = tone_speakers(tmp_path, speakers=4)
    store = decode_manifest(voices, rate_hz=RATE_HZ).store
    held = Middles(SpeakerSplit.of(voices, store, "validation"), 960)
    where = {"device": torch.device("cpu"), "precision": torch.float32}
    distance = Reconstruction(SMALL_MEL, rate_hz=RATE_HZ)
    assert held.score(Off(), distance, share=Share(), **where) == {}
