"""The error for an R, or an R package, that is not installed."""


class RNotAvailable(RuntimeError):
    """R, rpy2 or an R package is not installed; the message says how to install it."""
