"""How far apart two colours are, for readers who tell red from green and for those who do not."""

import numpy as np
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab

DEUTERANOPE = np.array(
    [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]
)  # of linear RGB


def seen_by_deuteranopes(first: str, second: str) -> float:
    """Return the difference in CIELAB of two colours as a deuteranope sees them (Viénot, Brettel,
    Mollon 1999)."""
    return difference(*map(_as_deuteranope, (first, second)))


def difference(first: str | np.ndarray, second: str | np.ndarray) -> float:
    """Return the difference of two colours in CIELAB."""
    one, two = rgb2lab(np.array([[to_rgb(first), to_rgb(second)]]))[0]
    return float(np.linalg.norm(one - two))


def _as_deuteranope(colour: str) -> np.ndarray:
    coded = np.array(to_rgb(colour))
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(DEUTERANOPE @ linear, 0, 1)
    return np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
