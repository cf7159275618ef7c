"""What a finished training leaves beside the weights."""

import math
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Fitted:
    """A finished run; the model carries the weights of `best_epoch` (counted from 1)."""

    history: pd.DataFrame
    best_epoch: int
    best_score: float

    def best_row(self) -> dict[str, float]:
        """Return the history's row of the best epoch."""
        return self.history.iloc[self.best_epoch - 1].drop("epoch").to_dict()

    def summary(self) -> dict[str, float | int | None]:
        """Return what a card of weights keeps; None stands for what is no number."""
        values = {"best_score": self.best_score, **self.best_row()}
        summary: dict = {"best_epoch": self.best_epoch, "n_epochs": len(self.history)}
        for name, value in values.items():
            summary[name] = float(value) if math.isfinite(value) else None
        return summary
