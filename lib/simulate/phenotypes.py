"""Turn latent states into looks: how a regulatory state shapes a nucleus and the crowd around
it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.simulate.states import DIMENSIONS

PARAMETERS = ("area", "elongation", "condensation", "texture", "intensity", "crowding")

# Change of each look (rows, in SD of control nuclei) with each dimension of the state (columns).
# Each dimension has one main consequence and weak others; the map is well conditioned, so no
# direction of regulation is invisible.
LOADINGS = pd.DataFrame(
    [
        [
            1.0,
            -0.2,
            0.0,
            0.0,
            0.0,
            -0.2,
        ],  # area: grows with s1; stretched and crowded nuclei are smaller
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.1],  # elongation
        [-0.2, 0.0, 1.0, 0.0, 0.2, 0.0],  # condensation: large nuclei are paler
        [0.1, 0.0, -0.2, 1.0, 0.0, 0.0],  # texture scale
        [0.0, 0.0, 0.2, 0.0, 1.0, 0.0],  # intensity: condensed chromatin is brighter
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],  # crowding
    ],
    index=PARAMETERS,
    columns=DIMENSIONS,
)


@dataclass(frozen=True)
class Looks:
    """Control values and the change for one SD; all but elongation are multiplied by exp(sd ·
    z)."""

    area: float = 800.0  # pixels; 300 to 2000
    area_sd: float = 0.22
    axis_ratio: float = 1.4  # major / minor axis, more than 1.1
    axis_ratio_sd: float = 0.5  # of its excess over 1.1
    n_spots: float = 6.0  # bright chromatin spots a nucleus
    spot_contrast: float = 0.35  # peak over the nucleus's mean
    condensation_sd: float = 0.35  # of number and contrast of the spots
    texture: float = 2.0  # correlation length in pixels; 1 to 6
    texture_sd: float = 0.25
    intensity_sd: float = 0.22
    neighbours_sd: float = 0.2  # of the number of nuclei in a field


def looks_of_states(states: np.ndarray) -> np.ndarray:
    """Return the mean looks of latent states.

    Parameters
    ----------
    states : (n, 6) array
        In the order of `DIMENSIONS`.

    Returns
    -------
    (n, 6) array
        In the order of `PARAMETERS`, in SD of control nuclei.

    Examples
    --------
    >>> looks_of_states(np.array([[1.0, 0, 0, 0, 0, 0]])).tolist()
    [[1.0, 0.0, -0.2, 0.1, 0.0, 0.0]]
    """
    return states @ LOADINGS.to_numpy().T


def nuclei_looks(z: np.ndarray, looks: Looks, *, rng: np.random.Generator) -> pd.DataFrame:
    """Return size, shape, chromatin and brightness of nuclei from standardised looks.

    Parameters
    ----------
    z : (n, 6) ndarray
        Looks of each nucleus in SD, in the order of `PARAMETERS`; crowding is a matter of the field
        and not used.
    looks : Looks
        Control values and spreads.
    rng : Generator
        For the numbers of spots, which are Poisson.

    Returns
    -------
    DataFrame
        `area` (pixels), `axis_ratio` (major / minor), `n_spots`, `spot_contrast`, `texture`
        (pixels), `intensity` (1 = control).
    """
    area, elongation, condensation, texture, intensity, _ = z.T  # (n,) each
    condensed = np.exp(looks.condensation_sd * condensation)  # more and brighter spots
    return pd.DataFrame(
        {
            "area": looks.area * np.exp(looks.area_sd * area),
            "axis_ratio": 1.1 + (looks.axis_ratio - 1.1) * np.exp(looks.axis_ratio_sd * elongation),
            "n_spots": rng.poisson(looks.n_spots * condensed),
            "spot_contrast": looks.spot_contrast * condensed,
            "texture": looks.texture * np.exp(looks.texture_sd * texture),
            "intensity": np.exp(looks.intensity_sd * intensity),
        }
    )
