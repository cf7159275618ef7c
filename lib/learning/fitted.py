"""What a finished training leaves beside the weights."""

import math
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Fitted:
    """A finished run; the model carries the weights of its best epoch.

    Parameters
    ----------
    history : DataFrame
        One row per epoch: `epoch`, counted from 1; `train_<name>` and, with validation,
        `val_<name>` for the loss, its parts and scores; `learning_rate` unless it is constant.
    best_epoch : int
        Epoch whose weights were kept, counted from 1.
    best_score : float
        Its score, higher is better; −inf if the last epoch was kept without a score.
    """

    history: pd.DataFrame
    best_epoch: int
    best_score: float

    def best_row(self) -> dict[str, float]:
        """Return the history's row of the best epoch.

        Returns
        -------
        dict of str to float
            The columns of `history` but `epoch`.
        """
        return self.history.iloc[self.best_epoch - 1].drop("epoch").to_dict()

    def summary(self) -> dict[str, float | int | None]:
        """Return what a card of weights keeps of the run.

        Returns
        -------
        dict
            `best_epoch`, `n_epochs`, `best_score` and the history's columns of the best epoch; None
            stands for values that are not finite, which JSON does not have.
        """
        values = {"best_score": self.best_score, **self.best_row()}
        summary: dict = {"best_epoch": self.best_epoch, "n_epochs": len(self.history)}
        for name, value in values.items():
            summary[name] = float(value) if math.isfinite(value) else None
        return summary
