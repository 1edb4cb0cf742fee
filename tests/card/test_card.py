"""bundle.json is read strictly, every file is checked, and a bundle is found where people point."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundles import SAMPLES, card_values, write_bundle
from sonant.card import Card, find, hash_files, write_card
from sonant.errors import BundleError

VALUES = card_values("tones", 1, ("high", "low", "mid"))
INNER = {
    "audio": VALUES["audio"],
    "graphs.whole": VALUES["graphs"]["whole"],
    "model": VALUES["model"],
    "provenance": VALUES["provenance"],
}
REQUIRED = [*VALUES, "files", *(f"{table}.{key}" for table in INNER for key in INNER[table])]


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = bundle / "bundle.json"
    tree = json.loads(file.read_text())
    change(tree)
    file.write_text(json.dumps(tree))


def test_a_card_says_what_the_bundle_is(tiny_bundle: Path) -> None:
    card = Card.read(tiny_bundle)
    assert (card.path, card.name, card.version, card.task) == (tiny_bundle, "tones", 1, "keywords")
    assert card.labels == ("high", "low", "mid")
    assert (card.audio.rate_hz, card.audio.samples) == (16_000, SAMPLES)
    assert (card.audio.pad, card.audio.crop, card.audio.duration_s) == ("end", "start", 1.0)
    assert card.graphs["whole"].file == "graphs/whole.onnx"
    assert card.model.parameters == 2 * SAMPLES * 3
    assert card.metrics == {"accuracy": 1.0}
    assert card.recipe == {"name": "tones", "seed": 1}
    assert card.operating_point is None
    assert card.provenance.parent is None
    assert set(card.files) == {"golden.npz", "graphs/whole.onnx", "weights.safetensors"}


def test_its_size_is_that_of_all_its_files(tiny_bundle: Path) -> None:
    on_disk = sum(path.stat().st_size for path in tiny_bundle.rglob("*") if path.is_file())
    assert Card.read(tiny_bundle).bytes == on_disk


def test_the_labels_keep_the_order_they_have(tmp_path: Path) -> None:
    assert Card.read(write_bundle(tmp_path, labels=("mid", "high", "low"))).labels == (
        "mid",
        "high",
        "low",
    )


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(tiny_bundle: Path, key: str) -> None:
    *inner, last = key.split(".")

    def drop(tree: dict[str, Any]) -> None:
        for part in inner:
            tree = tree[part]
        del tree[last]

    edit(tiny_bundle, drop)
    with pytest.raises(BundleError, match=rf"bundle\.json: {key}: missing"):
        Card.read(tiny_bundle)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("version", "1", "'1' is str, want int"),
        ("version", True, "True is bool, want int"),
        ("version", 0, "0 is too small, want 1 or more"),
        ("name", "../evil", "is no name of a folder"),
        ("name", "", "is no name of a folder"),
        ("labels", "high", "is str, want list"),
        ("labels", ["high", "high", "low"], "'high' is empty, twice there or no text"),
        ("labels", ["high", "", "low"], "'' is empty, twice there or no text"),
        ("labels", ["high", 1, "low"], "1 is empty, twice there or no text"),
        ("metrics", {"accuracy": "good"}, r"metrics\.accuracy: 'good' is str, want int or float"),
        ("metrics", {"accuracy": float("nan")}, r"metrics\.accuracy: nan is not finite"),
        ("operating_point", 3, "3 is int, want dict or NoneType"),
        ("surprise", 1, "surprise: this format has no such key"),
        (
            "audio",
            {"rate_hz": 16000, "samples": 16000, "pad": "end", "crop": "top"},
            "'top' is not",
        ),
    ],
)
def test_a_wrong_value_is_named(tiny_bundle: Path, key: str, value: object, reason: str) -> None:
    edit(tiny_bundle, lambda tree: tree.update({key: value}))
    with pytest.raises(BundleError, match=rf"bundle\.json: {key}.*{reason}|bundle\.json: {reason}"):
        Card.read(tiny_bundle)


def test_another_format_is_refused_before_its_keys_are(tiny_bundle: Path) -> None:
    edit(tiny_bundle, lambda tree: (tree.clear(), tree.update({"format": 2, "new": 1})))
    with pytest.raises(BundleError, match="format: 2, want 1; install a newer sonant"):
        Card.read(tiny_bundle)


@pytest.mark.parametrize("text", ["", "{", "\udcff"])
def test_what_is_not_json_is_a_damaged_card(tiny_bundle: Path, text: str) -> None:
    (tiny_bundle / "bundle.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BundleError, match="cannot be read as a card"):
        Card.read(tiny_bundle)


def test_what_is_json_but_no_object_is_refused(tiny_bundle: Path) -> None:
    (tiny_bundle / "bundle.json").write_text("[1]")
    with pytest.raises(BundleError, match="holds a list, want an object"):
        Card.read(tiny_bundle)


@pytest.mark.parametrize("name", ["golden.npz", "graphs/whole.onnx", "weights.safetensors"])
def test_one_altered_byte_is_noticed_and_the_file_named(tiny_bundle: Path, name: str) -> None:
    content = bytearray((tiny_bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tiny_bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name}: is not the file that was written"):
        Card.read(tiny_bundle)
    assert Card.read(tiny_bundle, verify=False).name == "tones"


def test_a_missing_file_is_named(tiny_bundle: Path) -> None:
    (tiny_bundle / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"weights\.safetensors: named in bundle\.json but not"):
        Card.read(tiny_bundle)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/hostname", "a/../../x", "a\\..\\x", "C:x", "./golden.npz", "", "."]
)
def test_no_file_may_lie_outside_the_folder(tiny_bundle: Path, name: str) -> None:
    edit(tiny_bundle, lambda tree: tree["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match="is no file inside the folder"):
        Card.read(tiny_bundle, verify=False)


def test_no_link_may_lead_outside_the_folder(tiny_bundle: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    (tiny_bundle / "link").symlink_to(outside)
    checksum = hashlib.sha256(b"x").hexdigest()
    edit(tiny_bundle, lambda tree: tree["files"].update({"link": checksum}))
    with pytest.raises(BundleError, match="leads out of the bundle's folder"):
        Card.read(tiny_bundle)


def test_a_checksum_that_is_none_is_refused(tiny_bundle: Path) -> None:
    edit(tiny_bundle, lambda tree: tree["files"].update({"golden.npz": "abc"}))
    with pytest.raises(BundleError, match=r"files\.golden\.npz: 'abc' is no sha256"):
        Card.read(tiny_bundle)


def test_a_graph_must_be_among_the_files(tiny_bundle: Path) -> None:
    edit(tiny_bundle, lambda tree: tree["graphs"]["whole"].update({"file": "../whole.onnx"}))
    with pytest.raises(
        BundleError, match=r"graphs\.whole\.file: .* is not among the bundle's files"
    ):
        Card.read(tiny_bundle)


def test_a_bundle_is_found_by_version_name_and_run_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for version in (9, 10):
        write_bundle(run / "bundle", version=version)
    (run / "bundle" / "tones" / "11").mkdir()  # unfinished: it has no card
    newest = run / "bundle" / "tones" / "10"
    assert find(run / "bundle" / "tones" / "9").name == "9"
    assert find(run / "bundle" / "tones") == newest
    assert find(run) == newest


def test_where_there_is_none_it_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"holds no bundle; looked for bundle\.json in it"):
        find(tmp_path)
    with pytest.raises(BundleError, match="there is no such folder"):
        find(tmp_path / "nowhere")


def test_two_bundles_in_a_run_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_bundle(tmp_path / "bundle", name=name)
    with pytest.raises(BundleError, match=r"more than one bundle; say which: .*one.*two"):
        find(tmp_path)


def test_files_are_hashed_by_name_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_bytes(b"2")
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "bundle.json").write_text("{}")
    assert hash_files(tmp_path) == {
        "b/two": hashlib.sha256(b"2").hexdigest(),
        "one": hashlib.sha256(b"1").hexdigest(),
    }


def test_a_written_card_reads_back_the_same(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "bundle.json").unlink()
    written = write_card(folder, VALUES)
    assert written == Card.read(folder)
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_card_is_never_written_twice(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="a bundle is never rewritten"):
        write_card(tiny_bundle, VALUES)


@pytest.mark.parametrize("change", [{"version": 0}, {"metrics": {"loss": float("inf")}}])
def test_a_card_that_would_not_read_back_is_not_written(
    tmp_path: Path, change: dict[str, object]
) -> None:
    with pytest.raises(BundleError):
        write_bundle(tmp_path, changes=change)
    assert not list(tmp_path.rglob("*bundle.json*"))
