"""Bring onnxruntime-web into the page, so that a browser can run the step graphs itself.

    python tools/vendor_page.py

Asks npm for the one package, takes the CPU build and its notices out of it, holds them to their sha256,
and leaves them in src/sonant/serving/page/vendor/. The package works without them; its page then has
no recognition in the browser.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.30.0"
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""In the package's dist/, with their sha256."""
NOTICES = ("LICENSE", "ThirdPartyNotices.txt")
"""The npm package comes without them; those of onnxruntime's Python package are the same project's."""
HERE = Path(__file__).resolve().parents[1] / "src" / "sonant" / "serving" / "page" / "vendor"


def main() -> int:
    """0 when all files are in their place."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed; it comes with Node.js", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        package = f"onnxruntime-web@{VERSION}"
        command = [npm, "pack", package, "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        contents = {name: _read(archive, name) for name in FILES}
    for name, wanted in FILES.items():
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != wanted:
            print(f"{name}: its sha256 is {found}, not {wanted}", file=sys.stderr)
            return 1
    HERE.mkdir(exist_ok=True)
    # Git need not know of them.
    (HERE / ".gitignore").write_text("*\n")
    for name, content in contents.items():
        (HERE / name).write_bytes(content)
    for notice in NOTICES:
        shutil.copyfile(_onnxruntime() / notice, HERE / notice)
    print(f"{HERE}: onnxruntime-web {VERSION}, {sum(map(len, contents.values())):,} bytes")
    return 0


def _read(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/dist/{name}")
        if member is None:
            raise FileNotFoundError(f"{archive}: package/dist/{name} is no file")
        return member.read()


def _onnxruntime() -> Path:
    """Where the Python package lies, without importing it."""
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        raise FileNotFoundError("onnxruntime is not installed here; run: pip install onnxruntime")
    return Path(found.origin).parent


if __name__ == "__main__":
    sys.exit(main())
