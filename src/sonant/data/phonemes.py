"""The sounds and the words that the formant synthesiser knows.

Vowel resonances: the men's averages of Peterson and Barney 1952, "Control methods used in a study of the
vowels", table II; diphthongs glide from one to another. Consonants follow the loci and noise bands that
Stevens 1998, "Acoustic Phonetics", chapters 7 to 9, describes, rounded and set by ear and eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Formants = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of sound with one target."""

    length_ms: float
    formants: Formants
    """Hertz of the three lowest resonances, for a man."""
    voice: float = 0.0
    """Amplitude of the voice; a vowel has 1."""
    breath: float = 0.0
    """Amplitude of noise at the glottis, heard through the resonances."""
    hiss: float = 0.0
    """Amplitude of noise at the lips, teeth or palate."""
    hiss_hz: float = 4000.0
    """Where that noise is strongest."""
    hiss_width: float = 0.5
    """Its width in octaves."""
    damping: float = 1.0
    """Factor on the bandwidths: nasals are damped."""


def _vowel(*targets: Formants, length_ms: float = 170.0) -> tuple[Part, ...]:
    return tuple(Part(length_ms / len(targets), target, voice=1.0) for target in targets)


def _stop(
    locus: Formants, *, voiced: bool, burst_hz: float, width: float, burst: float
) -> tuple[Part, ...]:
    """Closure, burst, and for the voiceless ones the breath that follows."""
    closure = Part(60.0, locus, voice=0.08 if voiced else 0.0)
    release = Part(12.0, locus, hiss=burst, hiss_hz=burst_hz, hiss_width=width)
    breath = Part(30.0, locus, breath=0.18, hiss=0.3 * burst, hiss_hz=burst_hz, hiss_width=width)
    return (closure, release) if voiced else (closure, release, breath)


def _fricative(
    locus: Formants, *, voiced: bool, hiss: float, hiss_hz: float, width: float
) -> tuple[Part, ...]:
    voice, length_ms = (0.25, 80.0) if voiced else (0.0, 120.0)
    return (Part(length_ms, locus, voice=voice, hiss=hiss, hiss_hz=hiss_hz, hiss_width=width),)


_IY, _IH, _EH, _AE = (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410)
_AA, _AO, _UH, _UW = (730, 1090, 2440), (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240)
_AH, _ER = (640, 1190, 2390), (490, 1350, 1690)
_LIPS, _TEETH, _RIDGE = (300, 900, 2200), (320, 1400, 2600), (320, 1750, 2650)
_PALATE, _VELUM = (300, 1950, 2600), (300, 1900, 2300)

PHONEMES: Final[dict[str, tuple[Part, ...]]] = {
    "IY": _vowel(_IY),
    "IH": _vowel(_IH, length_ms=130.0),
    "EH": _vowel(_EH, length_ms=150.0),
    "AE": _vowel(_AE, length_ms=190.0),
    "AA": _vowel(_AA, length_ms=190.0),
    "AO": _vowel(_AO, length_ms=190.0),
    "AH": _vowel(_AH, length_ms=140.0),
    "UW": _vowel(_UW),
    "ER": _vowel(_ER),
    "AX": _vowel((500, 1350, 2450), length_ms=80.0),
    "EY": _vowel(_EH, _IH, _IY, length_ms=220.0),
    "AY": _vowel(_AA, _AH, _IH, _IY, length_ms=250.0),
    "OW": _vowel((530, 950, 2400), _UH, _UW, length_ms=230.0),
    "AW": _vowel(_AA, _AH, _UH, _UW, length_ms=250.0),
    "B": _stop(_LIPS, voiced=True, burst_hz=900, width=1.0, burst=0.15),
    "D": _stop(_RIDGE, voiced=True, burst_hz=4000, width=0.6, burst=0.2),
    "G": _stop(_VELUM, voiced=True, burst_hz=2100, width=0.35, burst=0.25),
    "P": _stop(_LIPS, voiced=False, burst_hz=900, width=1.0, burst=0.2),
    "T": _stop(_RIDGE, voiced=False, burst_hz=4500, width=0.6, burst=0.35),
    "K": _stop(_VELUM, voiced=False, burst_hz=2100, width=0.35, burst=0.35),
    "F": _fricative(_LIPS, voiced=False, hiss=0.09, hiss_hz=5500, width=1.6),
    "V": _fricative(_LIPS, voiced=True, hiss=0.04, hiss_hz=5500, width=1.6),
    "TH": _fricative(_TEETH, voiced=False, hiss=0.08, hiss_hz=6500, width=1.0),
    "S": _fricative(_RIDGE, voiced=False, hiss=0.3, hiss_hz=5800, width=0.4),
    "Z": _fricative(_RIDGE, voiced=True, hiss=0.18, hiss_hz=5800, width=0.4),
    "SH": _fricative(_PALATE, voiced=False, hiss=0.35, hiss_hz=3200, width=0.45),
    "ZH": _fricative(_PALATE, voiced=True, hiss=0.2, hiss_hz=3000, width=0.45),
    "HH": (Part(70.0, (550, 1500, 2500), breath=0.25),),
    "M": (Part(80.0, (270, 1000, 2200), voice=0.4, damping=2.0),),
    "N": (Part(80.0, (270, 1450, 2500), voice=0.4, damping=2.0),),
    "L": (Part(75.0, (360, 1050, 2800), voice=0.6),),
    "R": (Part(80.0, (330, 1150, 1600), voice=0.6),),
    "W": (Part(75.0, (300, 650, 2200), voice=0.55),),
    "Y": (Part(65.0, (270, 2250, 3000), voice=0.55),),
}
"""Symbol -> its parts, in order."""

PRONUNCIATIONS: Final[dict[str, str]] = {
    "backward": "B AE K W ER D",
    "bed": "B EH D",
    "bird": "B ER D",
    "cat": "K AE T",
    "dog": "D AO G",
    "down": "D AW N",
    "eight": "EY T",
    "five": "F AY V",
    "follow": "F AA L OW",
    "forward": "F AO R W ER D",
    "four": "F AO R",
    "go": "G OW",
    "happy": "HH AE P IY",
    "house": "HH AW S",
    "learn": "L ER N",
    "left": "L EH F T",
    "marvin": "M AA R V IH N",
    "nine": "N AY N",
    "no": "N OW",
    "off": "AO F",
    "on": "AA N",
    "one": "W AH N",
    "right": "R AY T",
    "seven": "S EH V AX N",
    "sheila": "SH IY L AX",
    "six": "S IH K S",
    "stop": "S T AA P",
    "three": "TH R IY",
    "tree": "T R IY",
    "two": "T UW",
    "up": "AH P",
    "visual": "V IH ZH UW AX L",
    "wow": "W AW",
    "yes": "Y EH S",
    "zero": "Z IY R OW",
}
"""Word -> symbols of `PHONEMES`: the words of Speech Commands."""
