"""Chromoformer as its definition reads: every bin a query. The oracle of
`lib.epigenome.chromoformer`, and its rival.

Shapes: B genes, P partner slots, R = B · P regions, L bins, F marks, H heads, D embedding.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from lib.epigenome.attention import BLOCKED, heads_of, outside, position_code, unused_tokens
from lib.epigenome.chromoformer import RESOLUTIONS, Chromoformer, Inputs


def forward(model: Chromoformer, inputs: Inputs) -> Tensor:
    """Return (B, n_outputs), with L × L scores for every region."""
    tokens = [_token(model, inputs, size) for size in RESOLUTIONS]
    return model.fc_head(torch.cat(tokens, dim=1))


def _token(model: Chromoformer, inputs: Inputs, size: int) -> Tensor:
    name, centre = str(size), inputs.promoters[size].shape[1] // 2
    promoter = _embed(model.embed[name], inputs.promoters[size], inputs.promoter_spans[size])
    pairs = _pairs(model.pairwise_interaction[name], promoter, inputs, size)  # (B, P, L, D)
    tokens = torch.cat([promoter[:, None, centre], pairs[:, :, centre]], dim=1)  # (B, 1 + P, D)
    blocked, bias = _interaction(inputs)
    x = tokens
    for block in model.regulation[name].transformer.layers:
        layer = block.self_att
        query, key, value, gate = (heads_of(p, layer.heads) for p in layer.att(x).chunk(4, dim=-1))
        extra = layer.gamma_f[:, None, None] * bias[:, None]  # (B, H, 1 + P, 1 + P)
        mixed = _mix(query, key, value, blocked, extra) * gate.sigmoid()
        x = block.ff(layer.ln(x + layer.ff(_joined(mixed))))
    return tokens[:, 0] + x[:, 0]


def _embed(module, x: Tensor, spans: Tensor) -> Tensor:
    """Map promoter bins (B, L, F) to embedded bins (B, L, D)."""
    valid = ~outside(spans, x.shape[1])  # (B, L)
    blocked = ~(valid[:, :, None] & valid[:, None, :])[:, None]  # (B, 1, L, L)
    x = module.lin_proj(x) + position_code(x.shape[1], module.lin_proj.out_features)
    for block in module.transformer.layers:
        layer = block.self_att
        parts = (heads_of(part, layer.heads) for part in layer.att(x).chunk(3, dim=-1))
        x = block.ff(layer.ln(x + layer.ff(_joined(_mix(*parts, blocked)))))
    return x


def _pairs(module, promoter: Tensor, inputs: Inputs, size: int) -> Tensor:
    """Let every bin of the promoter (B, L, D) look at every partner; return (B, P, L, D)."""
    n_genes, n_slots = inputs.scores.shape
    length, n_marks = inputs.partners[size].shape[1:]
    place = (inputs.owners, inputs.slots)
    x = torch.zeros(n_genes, n_slots, length, n_marks).index_put(place, inputs.partners[size])
    spans = torch.zeros(n_genes, n_slots, 2, dtype=torch.long)
    spans = spans.index_put(place, inputs.partner_spans[size])
    own = ~outside(inputs.promoter_spans[size], length)  # (B, L)
    other = ~outside(spans, length)  # (B, P, L)
    blocked = ~(own[:, None, :, None] & other[:, :, None, :]).flatten(0, 1)[:, None]
    keys = module.lin_proj_pcre(x.flatten(0, 1))  # (R, L, D)
    keys = keys + position_code(length, keys.shape[-1])
    query = module.lin_proj_p(promoter)[:, None].expand(-1, n_slots, -1, -1).flatten(0, 1)
    for block in module.transformer.layers:
        layer = block.self_att
        key, value = (heads_of(part, layer.heads) for part in layer.c_att(keys).chunk(2, dim=-1))
        mixed = _mix(heads_of(layer.p_att(query), layer.heads), key, value, blocked)
        query = block.ff(layer.ln(query + layer.ff(_joined(mixed))))
    return query.unflatten(0, (n_genes, n_slots))


def _interaction(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Return the mask (B, 1, T, T), False on the used block, and the bias (B, T, T), row 0 only."""
    n_tokens = inputs.scores.shape[1] + 1
    used = ~unused_tokens(inputs.n_partners, n_tokens)
    blocked = ~(used[:, :, None] & used[:, None, :])[:, None]
    bias = torch.zeros(len(used), n_tokens, n_tokens)
    bias[:, 0, 1:] = inputs.scores
    return blocked, bias


def _mix(query, key, value, blocked, extra=None) -> Tensor:
    """Return softmax(q kᵀ / √e + extra) v, (R, H, L, e)."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    scores = scores if extra is None else scores + extra
    return functional.softmax(scores.masked_fill(blocked, BLOCKED), dim=-1) @ value


def _joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)
