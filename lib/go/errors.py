"""What a GO analysis lacks where R lacks it."""


class RNotAvailable(RuntimeError):
    """R, rpy2 or an R package is not installed; the message says how to install it."""
