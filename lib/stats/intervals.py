"""How certain a mean over a few repeats is."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_interval(
    values: Sequence[float],
    *,
    level: float = 0.95,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[float, float] | None:
    """Return Student's t interval of the mean of independent repeats, or None for fewer than two.

    What it means: of such intervals, `level` hold the mean over all repeats that could be made. It
    assumes independent repeats of about normal values; repeats that share something, such as one
    split, make it too narrow.

    Parameters
    ----------
    values : sequence of float
        One value per repeat.
    level : float
        Share of such intervals that hold the true mean, in (0, 1).
    limits : (low, high)
        Possible range of the value; the interval ends there.

    Returns
    -------
    (low, high) or None
        Ends of the interval, in the unit of the values; None for fewer than two repeats.

    References
    ----------
    Student, The probable error of a mean, Biometrika 6 (1908), https://doi.org/10.2307/2331554

    Examples
    --------
    >>> low, high = mean_interval([0.8, 0.9])  # 0.85 ± 12.71 × 0.05
    >>> round(low, 3), round(high, 3)
    (0.215, 1.485)
    >>> mean_interval([0.8, 0.9], limits=(0, 1))[1]
    1.0
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        return None
    reach = (
        stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    )
    low, high = np.clip([values.mean() - reach, values.mean() + reach], *limits)
    return float(low), float(high)
