"""Made-up probabilities at every frame, and settings to decide about them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from sonant.runtime.decision import Decision

LABELS = ("go", "stop", "_silence_", "_unknown_")
HOP_S = 0.02
# Few levels, so that scores meet thresholds and each other.
LEVELS = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0])

decisions = st.builds(
    Decision,
    threshold=st.sampled_from([0.2, 0.5, 0.6, 0.9]),
    thresholds=st.sampled_from([(), (("stop", 0.3),)]),
    release=st.sampled_from([0.2, 0.5, 1.0]),
    smoothing_ms=st.sampled_from([0.0, 40.0, 100.0]),
    patience=st.integers(1, 4),
    refractory_ms=st.sampled_from([0.0, 20.0, 90.0, 200.0]),
)
recordings = st.lists(
    st.lists(LEVELS, min_size=len(LABELS), max_size=len(LABELS)), min_size=1, max_size=60
).map(lambda rows: np.array(rows, np.float32))
