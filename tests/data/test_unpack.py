"""An archive from elsewhere is unpacked, or refused; it never reaches out of its folder."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.data.unpack import unpack
from sonant.errors import FetchError

Archive = Callable[[Path, dict[str, bytes]], Path]


def tar_of(folder: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return folder / "a.tar.gz"


def zip_of(folder: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return folder / "a.zip"


def odd_tar(folder: Path, kind: bytes, *, target: str = "") -> Path:
    with tarfile.open(folder / "a.tar", "w") as tar:
        member = tarfile.TarInfo("yes/odd.wav")
        member.type, member.linkname = kind, target
        tar.addfile(member)
    return folder / "a.tar"


def open_up(archive: Path, *, max_bytes: int = 1000, max_files: int = 10) -> list[str]:
    """Unpack beside the archive and list what is there."""
    folder = archive.parent / "out"
    folder.mkdir()
    unpack(
        archive,
        folder,
        max_bytes=max_bytes,
        max_files=max_files,
        on_progress=lambda done, all: None,
    )
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture(params=[tar_of, zip_of], ids=["tar.gz", "zip"])
def archive(request: pytest.FixtureRequest) -> Archive:
    made: Archive = request.param
    return made


def test_files_come_out_as_they_went_in(tmp_path: Path, archive: Archive) -> None:
    files = {"./yes/a.wav": b"one", "no/b.wav": b"", "README.md": b"two", "__MACOSX/._a": b"junk"}
    seen: list[tuple[int, int]] = []
    path = archive(tmp_path, files)
    (tmp_path / "out").mkdir()
    count = unpack(path, tmp_path / "out", max_bytes=100, on_progress=lambda *now: seen.append(now))
    assert count == 4
    assert (tmp_path / "out" / "yes" / "a.wav").read_bytes() == b"one"
    assert (tmp_path / "out" / "no" / "b.wav").read_bytes() == b""
    assert not (tmp_path / "out" / "__MACOSX").exists()
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert seen == sorted(seen)


def test_folders_come_out_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("yes")
        member.type = tarfile.DIRTYPE
        tar.addfile(member)
    assert open_up(tmp_path / "a.tar") == ["yes"]
    (tmp_path / "zip").mkdir()
    assert open_up(zip_of(tmp_path / "zip", {"no/": b"", "no/a.wav": b"x"})) == ["no", "no/a.wav"]


@pytest.mark.parametrize(
    "name",
    ["../a.wav", "yes/../../a.wav", "/tmp/a.wav", "C:/a.wav", "C:a.wav", "..\\a.wav", "a\\..\\b"],
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, archive: Archive, name: str) -> None:
    path = archive(tmp_path, {"good.wav": b"x", name: b"bad"})
    with pytest.raises(FetchError, match="leads out of the folder"):
        open_up(path)
    assert sorted(item.name for item in tmp_path.rglob("*.wav")) == ["good.wav"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(FetchError, match="is a link or a device"):
        open_up(odd_tar(tmp_path, kind, target="/etc/passwd"))


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        info = zipfile.ZipInfo("yes")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(info, "/etc")
    with pytest.raises(FetchError, match="is a link or a device"):
        open_up(tmp_path / "a.zip")


def test_an_archive_that_outgrows_its_bound_is_stopped(tmp_path: Path, archive: Archive) -> None:
    path = archive(tmp_path, {"bomb.wav": bytes(50_000_000)})
    with pytest.raises(FetchError, match="unpacks to more than 1,000,000 bytes"):
        open_up(path, max_bytes=1_000_000)
    assert sum(item.stat().st_size for item in (tmp_path / "out").iterdir()) <= 1_000_000


def test_an_archive_of_too_many_files_is_stopped(tmp_path: Path, archive: Archive) -> None:
    path = archive(tmp_path, {f"{n}.wav": b"" for n in range(11)})
    with pytest.raises(FetchError, match="or 10 files"):
        open_up(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("a.wav", b"one")
        zipped.writestr("./a.wav", b"two")
    with pytest.raises(FetchError, match=r"holds a name twice.*a\.wav"):
        open_up(tmp_path / "a.zip")


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path, archive: Archive) -> None:
    with pytest.raises(FetchError):
        open_up(archive(tmp_path, {"yes": b"x", "yes/a.wav": b"y"}))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path, {"a.wav": b"x"})
    raw = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + flags] |= 1
    path.write_bytes(raw)
    with pytest.raises(FetchError, match=r"cannot be unpacked .*encrypted"):
        open_up(path)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_damaged_archive_is_refused(tmp_path: Path, archive: Archive, keep: float) -> None:
    path = archive(tmp_path, {"a.wav": bytes(range(256)) * 3})
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(FetchError, match="cannot be unpacked"):
        open_up(path)


def test_a_plain_tar_that_ends_early_is_refused(tmp_path: Path) -> None:
    raw = gzip.decompress(tar_of(tmp_path, {"a.wav": bytes(800)}).read_bytes())
    (tmp_path / "a.tar").write_bytes(raw[:1000])
    with pytest.raises(FetchError, match="cannot be unpacked"):
        open_up(tmp_path / "a.tar")


def test_a_tar_that_never_ends_is_refused(tmp_path: Path) -> None:
    raw = gzip.decompress(tar_of(tmp_path, {"a.wav": b"x"}).read_bytes())
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as out:
        out.write(raw)
        for _ in range(70):
            out.write(bytes(1 << 20))
    with pytest.raises(FetchError, match="goes on behind its end"):
        open_up(tmp_path / "a.tar.gz")


def test_something_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>Not found</html>")
    with pytest.raises(FetchError, match="cannot be unpacked"):
        open_up(tmp_path / "a.zip")
