"""A vocoder inside a converter's bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import MEL, write_converter, write_vocoder
from sonant.card import Card
from sonant.conversion.converter import Converter
from sonant.conversion.nesting import holds, nest
from sonant.errors import BundleError
from sonant.nn.voice_mel_config import VoiceMel


def test_one_bundle_holds_both_and_digests_stay(tmp_path: Path) -> None:
    converter, vocoder = Card.read(write_converter(tmp_path)), Card.read(write_vocoder(tmp_path))
    made = nest(converter, vocoder)
    assert made == converter.path.parent / "2"
    both = Card.read(made)
    assert set(both.graphs) == {"convert", "vocoder"}
    inner = Card.read(made / "vocoder")
    assert (inner.name, inner.files) == (vocoder.name, vocoder.files)
    opened = Converter.load(made)
    assert opened.digest == Converter.load(converter.path).digest
    assert opened.vocoder.name == vocoder.files["graphs/whole.onnx"]
    assert both.provenance.parent == "again/1"


def test_the_bundles_it_was_made_of_stay_as_they_were(tmp_path: Path) -> None:
    converter, vocoder = write_converter(tmp_path), write_vocoder(tmp_path)
    nest(Card.read(converter), Card.read(vocoder))
    assert set(Card.read(converter).graphs) == {"convert"}
    Card.read(vocoder)


def test_another_vocoder_takes_the_place_of_the_first(tmp_path: Path) -> None:
    made = nest(Card.read(write_converter(tmp_path)), Card.read(write_vocoder(tmp_path)))
    again = nest(Card.read(made), Card.read(write_vocoder(tmp_path, name="hum")))
    assert again.name == "3"
    assert Card.read(again / "vocoder").name == "hum"


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    converter = Card.read(write_converter(tmp_path))
    with pytest.raises(BundleError, match="has no graph 'vocoder'"):
        nest(converter, converter)
    narrow = VoiceMel(window_length=512, hop_length=128, mels=MEL.mels - 1)
    with pytest.raises(BundleError, match=r"understands VoiceMel\(.*mels=39"):
        nest(converter, Card.read(write_vocoder(tmp_path, mel=narrow)))
    assert [path.name for path in converter.path.parent.iterdir()] == ["1"]


def test_a_bundle_knows_the_vocoder_that_is_in_it(tmp_path: Path) -> None:
    converter, vocoder = Card.read(write_converter(tmp_path)), Card.read(write_vocoder(tmp_path))
    narrow = VoiceMel(window_length=512, hop_length=128, mels=MEL.mels - 1)
    other = Card.read(write_vocoder(tmp_path, name="other", mel=narrow))
    assert not holds(converter, vocoder)
    made = Card.read(nest(converter, vocoder))
    assert holds(made, vocoder)
    assert not holds(made, other)
    assert not holds(made, converter)
