"""What the tests of attacks share: how they are run, and what small models fall to."""

from __future__ import annotations

from collections.abc import Callable

from sonant.attacking import Done
from sonant.attacks.bounds import Bound

LOUD = Bound(epsilon=0.05)
"""What tones in noise fall to."""
Attacked = Callable[..., Done]
"""Attacks a bundle into a folder of the test; see the fixture `attacked`."""
