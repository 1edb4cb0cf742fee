"""The whole model around a vocoder: mel in, sound in step with it, and speech made anew."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.models.vocoders import VOCODERS, Vocoder, build_vocoder
from sonant.models.vocos import VocosConfig
from sonant.nn.streaming import Streamable
from sonant.nn.voice_mel import VoiceMel
from sounds import white

MEL = VoiceMel(window_length=256, hop_length=64, mels=20)


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = VocosConfig(dim=16, hidden=24, layers=2, lookahead=3)
        return build_vocoder(MEL, config, rate_hz=16_000).eval()


@pytest.mark.parametrize("samples", [1, 64, 1000])
@torch.no_grad()
def test_speech_made_anew_is_as_long_as_it_was(vocoder: Vocoder, samples: int) -> None:
    sound = white(2, length=samples).unsqueeze(1)
    assert vocoder(sound).shape == sound.shape
    frames = MEL.frames(samples)
    assert vocoder.sound(vocoder.front_end(sound)).shape == (2, frames * 64)


@torch.no_grad()
def test_the_sound_is_in_step_with_its_frames(vocoder: Vocoder) -> None:
    """Noise that begins in the middle of silence begins there again."""
    sound = torch.zeros(1, 1, 6400)
    sound[..., 3200:] = white(1, length=3200)
    made = vocoder(sound)
    loud: Tensor = made[0, 0].unfold(0, 64, 64).square().mean(-1)
    assert loud[:48].max() < 0.05 * loud[54:].mean()


@torch.no_grad()
def test_the_sound_is_what_a_stream_gives_once_its_delay_has_passed(vocoder: Vocoder) -> None:
    mel = vocoder.front_end(white(1, length=2000).unsqueeze(1))
    network = vocoder.network
    state = network.initial_state(mel)
    late, heard = vocoder.delay, []
    for frame in mel.split(1, -1):
        made, state = network.step(frame, state)
        heard.append(made)
    live = torch.cat(heard, -1)[:, 0, late * 64 :]
    torch.testing.assert_close(live, vocoder.sound(mel)[:, : live.shape[-1]], atol=1e-5, rtol=0)


def test_every_vocoder_streams() -> None:
    for _, kind in VOCODERS.values():
        assert issubclass(kind, Streamable)
