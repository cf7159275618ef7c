"""Operations on tensors that give the same bytes on every processor where torch's own do not."""

from torch import Tensor


def square_root(values: Tensor) -> Tensor:
    """Return the correctly rounded square root of each value.

    torch takes that of 32-bit values from a vector library that is wrong in the last bit for a
    sixth of them, and for others on another processor; so does `pow(0.5)`, and Adam that is not
    fused.

    Parameters
    ----------
    values : tensor of float
        Any shape, no negative values.

    Returns
    -------
    tensor of float
        The same shape and dtype.
    """
    # a 64-bit root has twice the digits, so rounding it to 32 bits is correct
    return values.double().sqrt().to(values.dtype)
