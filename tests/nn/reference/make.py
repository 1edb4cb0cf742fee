"""Make the reference arrays with the libraries themselves, each in an environment of its own.

    python make.py signal                        numpy
    python make.py tensorflow                    tensorflow-cpu 2.21.0
    python make.py librosa                       librosa 0.11.0
    python make.py pcen                          librosa 0.11.0
    python make.py micro                         pymicro-features 2.0.2
    python make.py torchaudio                    torchaudio 2.11.0 (Python code alone will do)

`signal` comes first; the others read what it wrote. Every file lies beside this one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RATE_HZ = 16_000
SAMPLES = 4000


def signal() -> None:
    """A quarter second with a sweep, a vowel-like hum, noise and silence, quantised to 16 bits."""
    time = np.arange(SAMPLES) / RATE_HZ
    sweep = 0.3 * np.sin(2 * np.pi * (200 * time + 12_000 * time**2))
    hum = sum(0.1 / k * np.sin(2 * np.pi * 130 * k * time + k) for k in range(1, 20))
    noise = np.random.default_rng(7).normal(0, 0.02, SAMPLES)
    clip = (sweep + hum) * np.hanning(SAMPLES) + noise
    clip[-600:] = 0.0
    pcm = np.rint(clip * 32768).clip(-32768, 32767).astype(np.int16)
    np.savez_compressed(HERE / "signal.npz", pcm=pcm)


def clip() -> np.ndarray:
    """The signal as float32 in [-1, 1]."""
    return np.load(HERE / "signal.npz")["pcm"].astype(np.float32) / 32768


def tensorflow() -> None:
    import tensorflow as tf

    def frames_last(values: object) -> np.ndarray:
        return np.asarray(values, np.float32).T

    samples = tf.constant(clip())
    tutorial = tf.abs(tf.signal.stft(samples, frame_length=255, frame_step=128))
    resized = tf.image.resize(tutorial[..., None], [32, 32])[..., 0]
    spectra = tf.abs(tf.signal.stft(samples, frame_length=640, frame_step=320))
    mel = tf.signal.linear_to_mel_weight_matrix(40, 513, RATE_HZ, 20.0, 7000.0)
    log_mel = tf.math.log(tf.maximum(spectra @ mel, 1e-12))
    mfcc = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[:, :20]
    np.savez_compressed(
        HERE / "tensorflow.npz",
        stft_255_128=frames_last(tutorial),
        stft_255_128_resized=frames_last(resized),
        log_mel_640_320=frames_last(log_mel),
        mfcc_640_320=frames_last(mfcc),
    )


def librosa() -> None:
    import librosa

    samples, rate_hz = clip(), 22_050
    frames = {"n_fft": 512, "hop_length": 128}
    short = librosa.stft(samples, n_fft=512, hop_length=128, win_length=400, pad_mode="reflect")
    np.savez_compressed(
        HERE / "librosa.npz",
        stft_512_128=np.abs(librosa.stft(samples, **frames)),
        stft_512_128_window_400=np.abs(short),
        mel_512_128=librosa.feature.melspectrogram(y=samples, sr=rate_hz, n_mels=64, **frames),
        mfcc_512_128=librosa.feature.mfcc(y=samples, sr=rate_hz, n_mfcc=39, **frames),
    )


def pcen() -> None:
    """Of the mel energies in `librosa.npz`; the smoother begins at zero."""
    import librosa

    mel = np.load(HERE / "librosa.npz")["mel_512_128"].astype(np.float64)
    wang = {"gain": 0.98, "bias": 2.0, "power": 0.5, "b": 0.025, "eps": 1e-6}
    values = librosa.pcen(mel, zi=np.zeros((1, 1)), **wang)
    np.savez_compressed(HERE / "pcen.npz", mel_512_128=values.astype(np.float32))


def micro() -> None:
    from pymicro_features import MicroFrontend

    pcm, front_end = np.load(HERE / "signal.npz")["pcm"], MicroFrontend()
    frames = [front_end.process_samples(hop.tobytes()).features for hop in pcm.reshape(-1, 160)]
    values = np.array([frame for frame in frames if frame], np.float32)
    np.savez_compressed(HERE / "micro.npz", features=values.T)


def torchaudio() -> None:
    import torch
    from torchaudio import transforms

    samples = torch.from_numpy(clip())
    mel = transforms.MelSpectrogram(RATE_HZ, n_fft=1024, hop_length=512, n_mels=64)(samples)
    decibels = transforms.AmplitudeToDB(top_db=80)(mel[None])[0]
    np.savez_compressed(
        HERE / "torchaudio.npz", mel_1024_512=mel.numpy(), decibels_1024_512=decibels.numpy()
    )


MAKERS = {maker.__name__: maker for maker in (signal, tensorflow, librosa, pcen, micro, torchaudio)}

if __name__ == "__main__":
    MAKERS[sys.argv[1]]()
