"""One contender of bench/speakers.py, in a process of its own: embed.py FOLDER WAY [BUNDLE...].

FOLDER holds the clips, `sound.npy` and `ends.npy`. A line of numbers on standard input asks for the
embeddings of these clips; the answer is a line of JSON: the nanoseconds of processor time of each, from
samples in memory to a vector with all that the contender does in between, and the file that the vectors
were written to. An empty line ends it.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.float32]
Embed: TypeAlias = Callable[[Sound], Any]

RATE_HZ = 16_000
LEAST_S = 0.1
"""Less than this behind a peer's voice detector is no speech, and the whole clip is embedded instead."""


def sonant_way(bundles: list[str]) -> Embed:
    """What an application calls; of several bundles all, one after the other."""
    from sonant.speakers.model import SpeakerModel

    models = [SpeakerModel.load(bundle, threads=1) for bundle in bundles]
    return lambda sound: np.concatenate(
        [model.embed(sound, rate_hz=RATE_HZ).vector for model in models]
    )


def resemblyzer_way(bundles: list[str]) -> Embed:
    """As its page says: preprocess_wav, with its voice detector, and embed_utterance."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    def embed(sound: Sound) -> Any:
        spoken = preprocess_wav(sound)
        return encoder.embed_utterance(spoken if len(spoken) >= LEAST_S * RATE_HZ else sound)

    return embed


def resemblyzer_whole_way(bundles: list[str]) -> Embed:
    """The same without its voice detector: level and embed_utterance."""
    from resemblyzer import VoiceEncoder, normalize_volume
    from resemblyzer.hparams import audio_norm_target_dBFS

    encoder = VoiceEncoder("cpu", verbose=False)
    return lambda sound: encoder.embed_utterance(
        normalize_volume(sound, audio_norm_target_dBFS, increase_only=True)
    )


def _speechbrain(network: Any, *, mels: int) -> Embed:
    """Features, mean over the utterance and network of its VoxCeleb recipes; weights are untrained."""
    import torch
    from speechbrain.lobes.features import Fbank
    from speechbrain.processing.features import InputNormalization

    features = Fbank(n_mels=mels)
    normalise = InputNormalization(norm_type="sentence", std_norm=False)
    whole = torch.ones(1)
    network.eval()

    @torch.inference_mode()
    def embed(sound: Sound) -> Any:
        heard = normalise(features(torch.from_numpy(sound)[None]), whole)
        return network(heard, whole).flatten().numpy()

    return embed


def _without_torchaudio() -> None:
    """SpeechBrain imports torchaudio for parts that are not asked for here; nothing may stand for it."""
    if not find_spec("torchaudio"):
        empty = ModuleType("torchaudio")
        empty.__spec__ = ModuleSpec("torchaudio", None)
        sys.modules["torchaudio"] = empty


def speechbrain_ecapa_way(bundles: list[str]) -> Embed:
    """ECAPA-TDNN as in train_ecapa_tdnn.yaml: 1024 channels, 80 filters, 192 values."""
    _without_torchaudio()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    channels = [1024, 1024, 1024, 1024, 3072]
    return _speechbrain(ECAPA_TDNN(80, channels=channels, lin_neurons=192), mels=80)


def speechbrain_xvector_way(bundles: list[str]) -> Embed:
    """The x-vector network as in train_x_vectors.yaml: 24 filters, 512 values."""
    _without_torchaudio()
    from speechbrain.lobes.models.Xvector import Xvector

    return _speechbrain(Xvector(in_channels=24, lin_neurons=512), mels=24)


WAYS: dict[str, Callable[[list[str]], Embed]] = {
    "sonant": sonant_way,
    "resemblyzer": resemblyzer_way,
    "resemblyzer-whole": resemblyzer_whole_way,
    "speechbrain-ecapa": speechbrain_ecapa_way,
    "speechbrain-xvector": speechbrain_xvector_way,
}


def main(folder: Path, way: str, bundles: list[str]) -> None:
    """Answer until an empty line comes."""
    if hasattr(os, "sched_setaffinity") and os.environ.get("SPEAKER_CORE"):
        os.sched_setaffinity(0, {int(os.environ["SPEAKER_CORE"])})
    warnings.simplefilter("ignore")  # peers are told of their age by numpy and scipy
    sound, ends = np.load(folder / "sound.npy"), np.load(folder / "ends.npy")
    clips = np.split(sound, ends[:-1])
    embed, now = WAYS[way](bundles), time.process_time_ns
    written = folder / f"{os.getpid()}.npy"
    for line in sys.stdin:
        if not line.strip():
            break
        taken, rows = [], []
        for number in map(int, line.split()):
            began = now()
            rows.append(embed(clips[number]))
            taken.append(now() - began)
        np.save(written, np.stack(rows).astype(np.float32))
        print(json.dumps({"ns": taken, "file": str(written)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
