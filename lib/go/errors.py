"""What can go wrong in a GO analysis, in words for the person who asked for it."""


class GoInputError(ValueError):
    """The genes, options or annotation tables given cannot be analysed; the message says what to change."""


class RNotAvailable(RuntimeError):
    """R, rpy2 or an R package is not installed; the message says how to install it."""


def listed(values, *, limit: int = 8) -> str:
    """Return values as text for a message, the first `limit` of them by name and the rest as a count."""
    values = [str(value) for value in values]
    rest = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + rest
