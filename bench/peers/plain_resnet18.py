"""A ResNet18 on mel pictures with `Dataset` and `DataLoader`, as a notebook has it; run by bench/train.py.

The network is sonant's own ResNet18, whose layers are torchvision's: only the way it is fed and trained
differs. The mel transform is built once, not anew for every clip.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from sonant.models.resnet18 import ResNet18, ResNet18Config

SAMPLES, BATCH = 16_000, 64


class Mel:
    """64 mels, 1,024-point frames every 512 samples, decibels with 80 dB of range."""

    def __init__(self) -> None:
        bank = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=64, htk=True, norm=None)
        self.bank = torch.from_numpy(bank.astype(np.float32))
        self.window = torch.hann_window(1024)

    def __call__(self, samples: Tensor) -> Tensor:
        """[1, samples] -> [1, mels, frames]."""
        spectrum = torch.stft(samples, 1024, 512, window=self.window, return_complex=True)
        decibels = 10 * torch.log10((self.bank @ spectrum.abs().square()).clamp(min=1e-10))
        return torch.maximum(decibels, decibels.max() - 80)


class Clips(Dataset[tuple[Tensor, int]]):
    """One second of each file, randomly placed, as a picture of three equal channels."""

    def __init__(self, folder: Path, labels: list[str]) -> None:
        self.files = [
            (path, labels.index(path.parent.name)) for path in sorted(folder.rglob("*.wav"))
        ]
        self.mel = Mel()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        path, label = self.files[number]
        samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None, :SAMPLES]
        spare = SAMPLES - samples.shape[1]
        before = random.randint(0, spare)
        samples = torch.cat([torch.zeros(1, before), samples, torch.zeros(1, spare - before)], 1)
        picture = self.mel(samples)
        return torch.cat([picture, picture, picture]), label


class Pictures(nn.Module):
    """A network for pictures of three channels."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.network = ResNet18(ResNet18Config(input_channels=3), bins=64, frames=32, labels=labels)

    def forward(self, pictures: Tensor) -> Tensor:
        """[batch, 3, bins, frames] -> logits [batch, labels]; the network repeats one channel itself."""
        logits: Tensor = self.network(pictures[:, 0])
        return logits


def main(data: str, epochs: int) -> None:
    """Train, then print seconds and accuracy as JSON."""
    random.seed(0)
    torch.manual_seed(0)
    began = time.perf_counter()
    labels = sorted(path.name for path in Path(data, "train").iterdir())
    train = DataLoader(Clips(Path(data, "train"), labels), BATCH, shuffle=True, drop_last=True)
    validation = DataLoader(Clips(Path(data, "validation"), labels), BATCH)
    model = Pictures(len(labels))
    optimizer = torch.optim.Adam(
        model.parameters(), lr=1e-4, betas=(0.9, 0.99), eps=1e-6, weight_decay=5e-4
    )
    for _ in range(epochs):
        model.train()
        for pictures, targets in train:
            loss = nn.functional.cross_entropy(model(pictures), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy(model, validation)
    seconds = time.perf_counter() - began
    test = DataLoader(Clips(Path(data, "test"), labels), BATCH)
    print(json.dumps({"seconds": seconds, "accuracy": accuracy(model, test)}))


@torch.no_grad()
def accuracy(model: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> float:
    """Share of right answers."""
    model.eval()
    right = total = 0
    for pictures, targets in loader:
        right += int((model(pictures).argmax(1) == targets).sum())
        total += len(targets)
    return right / total


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
