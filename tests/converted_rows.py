"""Rows of a folder of conversions that nobody converted."""

from __future__ import annotations

from sonant.converting.ledger import COLUMNS, Row


def row(number: int, **scores: str) -> Row:
    known = {
        "path": f"wav/{number}_to_anna.wav",
        "speaker": f"anna{number % 3}",
        "source": f"/s/{number}.wav",
        "voice_files": "/t/a.wav|/t/b.wav",
        "model": "ab" * 32,
        "vocoder": "griffin-lim",
        "seed": "0",
        "seconds": "2.000",
        "f0": "no",
    }
    return {**dict.fromkeys(COLUMNS, ""), **known, **scores}


SCORED = [
    row(
        number,
        cosine_target=f"{0.6 + 0.01 * number:.4f}",
        cosine_source="0.3000",
        cosine_unconverted="0.2000",
        accepted="yes" if number % 2 else "no",
        accepted_unconverted="no",
        f0_correlation="0.8000",
        f0_source_hz="100.0",
        f0_target_hz="200.0",
        f0_converted_hz="200.0",
        mcd_db="6.0",
        mcd_unconverted_db="7.0",
        heard="yes",
        heard_unconverted="yes" if number else "no",
        mark_db="35.0",
    )
    for number in range(10)
]
