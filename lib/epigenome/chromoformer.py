"""Chromoformer: a promoter and its contact regions, at three resolutions, to one number.

The network reads only the token at the centre of each region, so this form computes one query per
region and absorbs the projections of keys and values into it: no L × L scores, no (regions, L, d)
features. Output and gradients are those of the full form, `lib.epigenome.chromoformer_full`. Lee,
Yang & Kim, Nature Communications 13:6678 (2022).

Shapes: B genes, P partner slots, N partners of all genes, L bins, F marks, H heads, D embedding, E
attention width, e = E / H.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.epigenome.attention import (
    BLOCKED,
    attend,
    heads_of,
    penalty,
    position_code,
    unused_tokens,
    with_data,
)

RESOLUTIONS = (2000, 500, 100)  # bp a bin, in the order of the published weights


@dataclass(frozen=True)
class Inputs:
    """One batch of genes; only the partners that exist are held.

    Parameters
    ----------
    promoters : mapping
        Bin size in bp → (B, L, F), ln(1 + mean depth), in the direction of transcription.
    partners : mapping
        Bin size → (N, L, F).
    promoter_spans, partner_spans : mapping
        Bin size → (B, 2) and (N, 2): bins of padding on the left, bins of data.
    owners, slots : (N,) tensors
        Gene of each partner, and which of its partners it is, from 0.
    scores : (B, P) tensor
        Contact scores of the partners, 0 for none.
    n_partners : (B,) tensor
        The first so many slots are used.
    """

    promoters: Mapping[int, Tensor]
    partners: Mapping[int, Tensor]
    promoter_spans: Mapping[int, Tensor]
    partner_spans: Mapping[int, Tensor]
    owners: Tensor
    slots: Tensor
    scores: Tensor
    n_partners: Tensor

    def with_promoters(self, promoters: Mapping[int, Tensor]) -> "Inputs":
        """Return the same genes with other promoter features."""
        return replace(self, promoters=promoters)


@dataclass(frozen=True)
class Sizes:
    """Layers, heads and widths; the defaults are the published ones."""

    n_marks: int = 7
    n_outputs: int = 1
    width: int = 128
    embed_layers: int = 1
    embed_heads: int = 2
    embed_hidden: int = 128
    pair_layers: int = 2
    pair_heads: int = 2
    pair_hidden: int = 256
    regulation_layers: int = 6
    regulation_heads: int = 8
    regulation_width: int = 256
    regulation_hidden: int = 256
    head_hidden: int = 128

    def __post_init__(self) -> None:
        if self.embed_layers != 1:
            raise ValueError("only one embedding layer: the centre token must not depend on others")
        heads = (self.embed_heads, self.pair_heads, self.regulation_heads)
        widths = (self.width, self.width, self.regulation_width)
        if any(width % n for width, n in zip(widths, heads, strict=True)) or self.width % 2:
            raise ValueError(f"the heads {heads} must divide the widths {widths}, width be even")


class SelfAttention(nn.Module):
    """Weights of a self-attention layer, post-norm; `w_bias` is published and unused."""

    def __init__(self, width: int, heads: int, inner: int, *, gated: bool) -> None:
        super().__init__()
        self.heads = heads
        self.gamma_f = nn.Parameter(torch.ones(heads))
        self.w_bias = nn.Linear(2, heads, bias=False)
        self.att = nn.Linear(width, (4 if gated else 3) * inner, bias=False)
        self.ff = nn.Linear(inner, width)
        self.ln = nn.LayerNorm(width)


class CrossAttention(nn.Module):
    """Weights of a cross-attention layer: a promoter's query, a partner's keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.gamma_f = nn.Parameter(torch.ones(heads))
        self.p_att = nn.Linear(width, width, bias=False)
        self.c_att = nn.Linear(width, 2 * width, bias=False)
        self.ff = nn.Linear(width, width)
        self.ln = nn.LayerNorm(width)


class FeedForward(nn.Module):
    """LayerNorm(x + W₂ ReLU(W₁ x))."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.l1 = nn.Linear(width, hidden)
        self.l2 = nn.Linear(hidden, width)
        self.ln = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(x + self.l2(functional.relu(self.l1(x))))


class Block(nn.Module):
    """An attention layer and its feed-forward layer."""

    def __init__(self, attention: nn.Module, width: int, hidden: int) -> None:
        super().__init__()
        self.self_att = attention
        self.ff = FeedForward(width, hidden)


class Layers(nn.Module):
    """A stack of blocks under the name that the published weights use."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(blocks)


class Embedding(nn.Module):
    """The promoter's centre token after one self-attention block over its bins."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lin_proj = nn.Linear(sizes.n_marks, sizes.width, bias=False)
        attention = SelfAttention(sizes.width, sizes.embed_heads, sizes.width, gated=False)
        self.transformer = Layers([Block(attention, sizes.width, sizes.embed_hidden)])

    def forward(self, x: Tensor, spans: Tensor) -> Tensor:
        """Map bins (B, L, F) with spans (B, 2) to centre tokens (B, D)."""
        block = self.transformer.layers[0]
        layer, centre = block.self_att, x.shape[1] // 2
        code = position_code(x.shape[1], self.lin_proj.out_features).to(x)
        token = self.lin_proj(x[:, centre]) + code[centre]  # (B, D)
        query, key, value = layer.att.weight.chunk(3)  # (D, D) each
        mixed = attend(
            token @ query.T,
            x,
            penalty(spans, x.shape[1]),
            code=code,
            project=self.lin_proj.weight,
            key=key,
            value=value,
            heads=layer.heads,
        )
        return block.ff(layer.ln(token + layer.ff(mixed)))


class PairwiseInteraction(nn.Module):
    """One token per partner: the promoter's centre asks the bins of the partner."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(sizes.width)  # published and unused
        self.lin_proj_p = nn.Linear(sizes.width, sizes.width, bias=False)
        self.lin_proj_pcre = nn.Linear(sizes.n_marks, sizes.width, bias=False)
        blocks = [
            Block(CrossAttention(sizes.width, sizes.pair_heads), sizes.width, sizes.pair_hidden)
            for _ in range(sizes.pair_layers)
        ]
        self.transformer = Layers(blocks)

    def forward(self, promoter: Tensor, x: Tensor, spans: Tensor) -> Tensor:
        """Map centre tokens (N, D), of each partner's gene, and partner bins (N, L, F) to (N,
        D)."""
        code = position_code(x.shape[1], promoter.shape[1]).to(x)
        hidden = penalty(spans, x.shape[1])  # (N, L)
        seen = with_data(spans, x.shape[1])  # short regions are mostly padding
        x, hidden, code = x[:, seen], hidden[:, seen], code[seen]
        token = self.lin_proj_p(promoter)
        for block in self.transformer.layers:
            layer = block.self_att
            key, value = layer.c_att.weight.chunk(2)
            mixed = attend(
                layer.p_att(token),
                x,
                hidden,
                code=code,
                project=self.lin_proj_pcre.weight,
                key=key,
                value=value,
                heads=layer.heads,
            )
            token = block.ff(layer.ln(token + layer.ff(mixed)))
        return token


class Regulation(nn.Module):
    """Gated self-attention over promoter and partner tokens, biased by contact scores."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        blocks = []
        for _ in range(sizes.regulation_layers):
            attention = SelfAttention(
                sizes.width, sizes.regulation_heads, sizes.regulation_width, gated=True
            )
            blocks.append(Block(attention, sizes.width, sizes.regulation_hidden))
        self.transformer = Layers(blocks)

    def forward(self, tokens: Tensor, blocked: Tensor, bias: Tensor) -> Tensor:
        """Map tokens (B, T, D) to the promoter's (B, D); the last layer computes no other.

        Parameters
        ----------
        blocked : (B, T) bool tensor
            Tokens that nobody may see.
        bias : (B, T) tensor
            Contact scores as the promoter sees them; 0 for the promoter itself.
        """
        last = len(self.transformer.layers) - 1
        for i, block in enumerate(self.transformer.layers):
            seen = tokens if i < last else tokens[:, :1]
            tokens = block.ff(self._attend(block.self_att, seen, tokens, blocked, bias))
        return tokens[:, 0]

    @staticmethod
    def _attend(layer: SelfAttention, seen, tokens, blocked, bias) -> Tensor:
        """Let the tokens `seen`, the first of `tokens`, look at all of them."""
        query, key, value, gate = layer.att.weight.chunk(4)
        q = heads_of(functional.linear(seen, query), layer.heads)  # (B, H, t, e)
        k, v = (heads_of(functional.linear(tokens, part), layer.heads) for part in (key, value))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])  # (B, H, t, T)
        first = layer.gamma_f[:, None, None] * bias[:, None, None]  # (B, H, 1, T)
        # only the promoter's token sees contact scores; in the last layer there is no other
        rest = [scores[:, :, 1:]] if seen.shape[1] > 1 else []
        scores = torch.cat([scores[:, :, :1] + first, *rest], dim=2)
        share = scores.masked_fill(blocked[:, None, None], BLOCKED).softmax(dim=-1)
        mixed = (share @ v).transpose(1, 2).flatten(2)  # (B, t, E)
        return layer.ln(seen + layer.ff(mixed * functional.linear(seen, gate).sigmoid()))


class Chromoformer(nn.Module):
    """The whole network; regression has one output, classification two logits.

    Parameters
    ----------
    sizes : Sizes
    seed : int
        Of the weights, drawn in the published order with torch's generator.
    """

    def __init__(self, sizes: Sizes | None = None, *, seed: int = 42) -> None:
        super().__init__()
        sizes = sizes or Sizes()
        self.sizes = sizes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embed = _by_resolution(Embedding, sizes)
            self.pairwise_interaction = _by_resolution(PairwiseInteraction, sizes)
            self.regulation = _by_resolution(Regulation, sizes)
            self.fc_head = nn.Sequential(
                nn.Linear(len(RESOLUTIONS) * sizes.width, sizes.head_hidden),
                nn.ReLU(),
                nn.Linear(sizes.head_hidden, sizes.n_outputs),
            )

    def forward(self, inputs: Inputs) -> Tensor:
        """Return (B, n_outputs)."""
        tokens = [self._token(inputs, size) for size in RESOLUTIONS]  # (B, D) each
        return self.fc_head(torch.cat(tokens, dim=1))

    def _token(self, inputs: Inputs, size: int) -> Tensor:
        """Return the promoter's token at one resolution, before plus after regulation."""
        name = str(size)
        promoter = self.embed[name](inputs.promoters[size], inputs.promoter_spans[size])
        pairs = self.pairwise_interaction[name](
            promoter[inputs.owners], inputs.partners[size], inputs.partner_spans[size]
        )
        slots = promoter.new_zeros(*inputs.scores.shape, promoter.shape[1])
        slots = slots.index_put((inputs.owners, inputs.slots), pairs)  # (B, P, D)
        tokens = torch.cat([promoter[:, None], slots], dim=1)  # (B, 1 + P, D)
        blocked = unused_tokens(inputs.n_partners, tokens.shape[1])
        bias = functional.pad(inputs.scores, (1, 0))  # (B, 1 + P)
        return promoter + self.regulation[name](tokens, blocked, bias)


def _by_resolution(module: type[nn.Module], sizes: Sizes) -> nn.ModuleDict:
    return nn.ModuleDict({str(size): module(sizes) for size in RESOLUTIONS})
