"""What makes a second of sound speech: written by bench/speech_gate.py, not by hand."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

OFFSET: Final = 0.3652
# fmt: off
FEATURES: Final[tuple[tuple[str, float, float, float], ...]] = (
    ("cepstrum_mean_1", 24.425, 23.202, 0.8368),
    ("cepstrum_mean_2", 2.4541, 17.267, 1.4266),
    ("cepstrum_mean_3", 0.77581, 9.7156, 0.0682),
    ("cepstrum_mean_4", -3.5399, 9.4382, -0.0948),
    ("cepstrum_mean_5", -1.8803, 6.8955, 0.2627),
    ("cepstrum_mean_6", -1.5757, 6.6054, 0.0215),
    ("cepstrum_mean_7", -0.10737, 5.8811, 1.0074),
    ("cepstrum_mean_8", -1.1135, 5.4241, -0.5145),
    ("cepstrum_mean_9", -0.063387, 5.2106, 0.0502),
    ("cepstrum_mean_10", -0.44805, 5.1564, -0.0684),
    ("cepstrum_mean_11", -0.45878, 4.4497, 0.2689),
    ("cepstrum_mean_12", -0.69351, 4.2055, -0.3546),
    ("cepstrum_spread_1", 14.216, 8.8063, 0.9574),
    ("cepstrum_spread_2", 10.724, 6.1588, 0.6746),
    ("cepstrum_spread_3", 7.589, 4.2942, 0.7146),
    ("cepstrum_spread_4", 6.6827, 3.4534, 1.3294),
    ("cepstrum_spread_5", 5.4615, 2.7872, 0.4878),
    ("cepstrum_spread_6", 5.0416, 2.4912, 0.1321),
    ("cepstrum_spread_7", 4.504, 2.3054, 0.0719),
    ("cepstrum_spread_8", 4.2314, 2.3244, -0.4587),
    ("cepstrum_spread_9", 4.0966, 2.4012, -0.1993),
    ("cepstrum_spread_10", 3.9218, 2.5378, -0.2755),
    ("cepstrum_spread_11", 3.7321, 2.4661, -0.6461),
    ("cepstrum_spread_12", 3.5536, 2.3625, -1.3259),
    ("cepstrum_change_1", 15.167, 8.8319, -0.6664),
    ("cepstrum_change_2", 10.473, 5.3966, 1.0075),
    ("cepstrum_change_3", 7.6421, 3.943, 0.3762),
    ("cepstrum_change_4", 7.1359, 3.4756, -0.0527),
    ("cepstrum_change_5", 5.863, 2.7291, 0.4350),
    ("cepstrum_change_6", 5.4479, 2.4056, 0.2941),
    ("cepstrum_change_7", 4.8846, 2.0695, 0.4471),
    ("cepstrum_change_8", 4.6045, 2.0258, 0.3032),
    ("cepstrum_change_9", 4.3928, 1.9443, -0.4101),
    ("cepstrum_change_10", 4.2026, 2.0383, -0.6966),
    ("cepstrum_change_11", 3.956, 1.8473, 0.1751),
    ("cepstrum_change_12", 3.77, 1.8743, 1.1230),
    ("loudness_1", 9.5697, 6.0938, -0.3970),
    ("loudness_2", 23.429, 15.459, 0.9267),
    ("loudness_3", 0.82969, 0.21844, -1.4464),
    ("loudness_4", 2.0378, 0.88581, -0.0530),
    ("loudness_5", 1.7265, 1.2166, -0.4536),
    ("pace_1", 0.25706, 0.22936, 0.0157),
    ("pace_2", 0.35131, 0.19867, 0.4842),
    ("pace_3", 0.1975, 0.1607, 0.1024),
    ("pace_4", 0.17235, 0.25422, -0.5481),
    ("voicing_1", 0.73114, 0.21067, 0.2961),
    ("voicing_2", 0.16103, 0.078251, 0.1532),
    ("voicing_3", 0.5478, 0.31923, -0.1061),
    ("voicing_4", 0.56382, 0.29777, 1.0637),
    ("voicing_5", 0.50038, 0.30509, 0.4184),
    ("pitch_moves_1", 0.23426, 0.31423, -0.7371),
    ("pitch_moves_2", 0.18668, 0.20588, -0.4665),
    ("pitch_moves_3", 0.46994, 0.32886, 1.8418),
    ("voicing_with_loudness_1", 0.39507, 0.45824, 0.7517),
    ("pitch_1", 5.7494, 0.63329, 0.5207),
    ("pitch_2", 16.019, 11.437, 0.7922),
    ("colour_1", -2.2958, 1.3106, 2.2260),
    ("colour_2", 0.70901, 0.43055, -0.0592),
    ("colour_3", 5.2723, 2.2027, -0.1114),
)
# fmt: on
"""In the order of `speech.describe`: name, mean, standard deviation, weight."""


@cache
def table() -> NDArray[np.float64]:
    """Means, standard deviations and weights, [3, features]."""
    return np.array([row[1:] for row in FEATURES]).T
