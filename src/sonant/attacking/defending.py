"""Defences by the names that `--defence` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor

from sonant import bundle
from sonant.attacks.defences import Defence, quantised, resampled, resynthesised, smoothed
from sonant.conversion.griffin_lim import sound_of
from sonant.conversion.voice_mel import log_mel
from sonant.errors import SonantError
from sonant.nn.voice_mel_config import VoiceMel

ITERATIONS: Final = 16
"""Of Griffin-Lim: purification needs speech that is understood, not the best."""

Make: TypeAlias = Callable[[str, int], Defence]
"""What stands behind the colon, and the model's rate -> a defence."""


def defences_of(names: Sequence[str], *, rate_hz: int) -> tuple[Defence, ...]:
    """Defences from `quantise:8`, `resample:8000`, `smooth:0.002` and `vocoder:BUNDLE`, each also bare.

    They stand one behind the other. Raises `SonantError` for a name or a number that is none.
    """
    found = []
    for spec in names:
        name, _, value = spec.partition(":")
        if name not in DEFENCES:
            raise SonantError(
                f"--defence {spec}: there is no such defence; there are {', '.join(DEFENCES)}"
            )
        try:
            found.append(DEFENCES[name](value, rate_hz))
        except ValueError as error:
            raise SonantError(f"--defence {spec}: {value!r} is no number") from error
    return tuple(found)


def _quantise(value: str, rate_hz: int) -> Defence:
    return quantised(int(value)) if value else quantised()


def _resample(value: str, rate_hz: int) -> Defence:
    return resampled(rate_hz, int(value)) if value else resampled(rate_hz)


def _smooth(value: str, rate_hz: int) -> Defence:
    return smoothed(float(value)) if value else smoothed()


def _vocoder(value: str, rate_hz: int) -> Defence:
    if not value:
        return resynthesised(
            "vocoder", lambda samples: _griffin_lim(samples, rate_hz), has_gradient=False
        )
    model = bundle.load_vocoder(Path(value)).requires_grad_(False)
    if model.front_end.rate_hz != rate_hz:
        raise SonantError(
            f"--defence vocoder:{value}: makes sound at {model.front_end.rate_hz} Hz, and the victim hears "
            f"{rate_hz}; take one of its rate, or vocoder alone"
        )

    def made(samples: Tensor) -> Tensor:
        sound: Tensor = model.to(samples.device)(samples)
        return torch.nn.functional.pad(sound, (0, samples.shape[-1] - sound.shape[-1]))

    return resynthesised(f"vocoder:{value}", made, has_gradient=True)


def _griffin_lim(samples: Tensor, rate_hz: int) -> Tensor:
    """Spectrogram and back without a trained vocoder, [batch, 1, samples] in and out."""
    settings = VoiceMel(max_hz=min(8000.0, rate_hz / 2))
    length = samples.shape[-1]
    clips = samples.detach().cpu().numpy()[:, 0]
    spectra = [log_mel(np.ascontiguousarray(one), settings, rate_hz=rate_hz) for one in clips]
    sounds = sound_of(spectra, settings, rate_hz=rate_hz, iterations=ITERATIONS)
    made = np.zeros_like(clips)
    for row, sound in zip(made, sounds, strict=True):
        row[: min(length, len(sound))] = sound[:length]
    return torch.from_numpy(made).unsqueeze(1).to(samples)


DEFENCES: Final[Mapping[str, Make]] = {
    "quantise": _quantise,
    "resample": _resample,
    "smooth": _smooth,
    "vocoder": _vocoder,
}
"""Every defence by its name."""
