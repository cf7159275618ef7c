"""Attention of one query per region, and the masks and position code of both forms of Chromoformer.

Shapes: B genes, N regions, L bins, F marks, H heads, D embedding, e = D / H.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

BLOCKED = -1e9  # score of a key that must not be seen


def attend(
    query: Tensor,
    x: Tensor,
    hidden: Tensor,
    *,
    code: Tensor,
    project: Tensor,
    key: Tensor,
    value: Tensor,
    heads: int,
) -> Tensor:
    """Return what one query takes from the bins of its region, without projecting the bins.

    With bins h = W x + p, scores q·K h are (Wᵀ Kᵀ q)·x + (Kᵀ q)·p and the mean of V h over the
    shares a is V (W Σ a x + Σ a p).

    Parameters
    ----------
    query : (..., D) tensor
    x : (..., L, F) tensor
    hidden : (..., L) tensor
        Added to the scores: 0, or `BLOCKED` for bins that must not be seen.
    code : (L, D) tensor
        p, of the positions.
    project : (D, F) tensor
        W; `key` and `value`, (D, D), are K and V.

    Returns
    -------
    (..., D) tensor
        Heads side by side.
    """
    width = query.shape[-1]
    q = query.unflatten(-1, (heads, width // heads))  # (..., H, e)
    asked = torch.einsum("...he,hed->...hd", q, key.unflatten(0, (heads, -1)))  # Kᵀ q
    scores = asked @ project @ x.transpose(-1, -2) + asked @ code.T  # (..., H, L)
    share = (scores / math.sqrt(width // heads) + hidden.unsqueeze(-2)).softmax(dim=-1)
    mean = share @ x @ project.T + share @ code  # (..., H, D)
    return torch.einsum("...hd,hed->...he", mean, value.unflatten(0, (heads, -1))).flatten(-2)


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)  # what is kept here is used in training too, whoever asks first
def position_code(length: int, width: int) -> Tensor:
    """Return the sinusoidal code of positions, (length, width) float32.

    Returns
    -------
    (length, width) float32 tensor
        Sine in even columns, cosine in odd ones.
    """
    position = torch.arange(length, dtype=torch.float64)[:, None]
    rate = torch.pow(10_000.0, -torch.arange(0, width, 2, dtype=torch.float64) / width)
    waves = torch.stack([torch.sin(position * rate), torch.cos(position * rate)], dim=2)
    return waves.flatten(1).float()


def unused_tokens(n_partners: Tensor, n_tokens: int) -> Tensor:
    """Return (B, n_tokens) bool: True for slots without a partner; token 0 is the promoter.

    Parameters
    ----------
    n_partners : (B,) tensor
    n_tokens : int
        1 + P.
    """
    return torch.arange(n_tokens, device=n_partners.device) > n_partners[:, None]


def outside(spans: Tensor, length: int) -> Tensor:
    """Return (..., L) bool, True outside the span of data.

    Parameters
    ----------
    spans : (..., 2) tensor
        Bins of padding on the left, bins of data.
    length : int
        L.
    """
    position = torch.arange(length, device=spans.device)
    left, n = spans[..., :1], spans[..., 1:]
    return (position < left) | (position >= left + n)


def with_data(spans: Tensor, length: int) -> slice:
    """Return the bins in which any span (N, 2) has data; all where a span is empty, or there is
    none.

    A bin outside gets a share of exactly 0, so leaving it out changes no output.

    Examples
    --------
    >>> with_data(torch.tensor([[3, 4], [2, 3]]), 10)
    slice(2, 7, None)
    """
    if not len(spans) or not spans[:, 1].all():
        return slice(0, length)
    return slice(int(spans[:, 0].min()), int(spans.sum(dim=1).max()))


def penalty(spans: Tensor, length: int) -> Tensor:
    """Return (..., L) float: 0 within the span of data, `BLOCKED` outside.

    Parameters
    ----------
    spans, length
        As of `outside`.
    """
    return outside(spans, length).float() * BLOCKED


def heads_of(x: Tensor, heads: int) -> Tensor:
    """Turn (B, T, H · e) into (B, H, T, e)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)
