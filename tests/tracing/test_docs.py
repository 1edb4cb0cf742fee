"""The page that explains it shows what really happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "stream-your-own.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_example_of_the_page_prints_what_the_page_says() -> None:
    program = blocks("python")[0]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def settled(text: str) -> str:
        # The last bits of a sum are the processor's own.
        return re.sub(r"\d\.\de-\d\d of its", "? of its", text).strip()

    assert settled(done.stdout) == settled(blocks("text")[0])
