"""The transforms of Griffin-Lim: one library or another, and the same sound."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.conversion import transforms
from sonant.conversion.griffin_lim import griffin_lim
from sonant.conversion.transforms import fastest
from sonant.errors import ModelError
from sounds import white


class Intel(ModuleType):
    """Stands for the library where it is not installed."""

    def __init__(self) -> None:
        super().__init__("mkl_fft")
        self.__spec__ = transforms.util.spec_from_loader("mkl_fft", None)
        self.calls = 0

    def rfft(self, x: NDArray[np.float32]) -> NDArray[np.complex64]:
        self.calls += 1
        return np.fft.rfft(x)

    def irfft(
        self, x: NDArray[np.complex64], *, n: int, out: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        return np.fft.irfft(x, n=n, out=out)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms.util, "find_spec", lambda name: None)


def test_there_and_back_is_the_same(without: None) -> None:
    found = fastest()
    frames = white(3, length=64).numpy()
    spectra = found.there(frames)
    assert spectra.dtype == np.complex64
    np.testing.assert_allclose(spectra, np.fft.rfft(frames), atol=1e-5)
    np.testing.assert_allclose(found.back(spectra, np.empty_like(frames)), frames, atol=1e-6)


def test_without_the_library_scipy_is_taken(without: None) -> None:
    assert fastest().name == "scipy"


def test_the_library_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    intel = Intel()
    monkeypatch.setitem(sys.modules, "mkl_fft", intel)
    assert fastest().name == "mkl_fft"
    magnitudes = np.abs(np.fft.rfft(white(9, length=64).numpy())).T.astype(np.float32)
    (found,) = griffin_lim([magnitudes], hop_length=16, iterations=3)
    assert intel.calls == 3
    monkeypatch.delitem(sys.modules, "mkl_fft")
    monkeypatch.setattr(transforms.util, "find_spec", lambda name: None)
    (wanted,) = griffin_lim([magnitudes], hop_length=16, iterations=3)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_library_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> ModuleType:
        raise ImportError("libmkl_rt.so: cannot open")

    monkeypatch.setattr(transforms.util, "find_spec", lambda name: object())
    monkeypatch.setattr(transforms, "import_module", refuse)
    with pytest.raises(ModelError, match=r"cannot be loaded .*pip install mkl"):
        fastest()
