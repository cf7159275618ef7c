"""Operations on tensors that give the same bytes on every processor where torch's own do not."""

from torch import Tensor


def square_root(values: Tensor) -> Tensor:
    """Return the correctly rounded square root.

    torch takes that of 32-bit values from a vector library that is wrong in the last bit for a
    sixth of them, and for others on another processor; so does `pow(0.5)`, and Adam that is not
    fused.

    Shapes: any in, the same out; the dtype stays.
    """
    return values.double().sqrt().to(values.dtype)
