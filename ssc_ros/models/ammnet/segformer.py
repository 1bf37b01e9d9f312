"""
The Mix Transformer MiT-B2, SegFormer's image encoder (Xie et al., NeurIPS 2021).

Written out because released weights must keep their names, and the library that also has this
encoder renames its parameters between versions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_CHANNELS = (64, 128, 320, 512)
_DEPTHS = (3, 4, 6, 3)
_HEADS = (1, 2, 5, 8)
_REDUCTIONS = (8, 4, 2, 1)
_MLP_RATIO = 4
_BLOCK_EPS = 1e-6  # of the norms in and after blocks; those of embeddings keep torch's 1e-5


def _tokens(image: Tensor) -> Tensor:
    return image.flatten(2).transpose(1, 2)


def _map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    return tokens.transpose(1, 2).reshape(len(tokens), -1, *size)


class DropPath(nn.Module):
    """Leave out a residual branch per sample while training, and scale up what is kept."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, branch: Tensor) -> Tensor:
        """Map (B, ...) to the same shape."""
        if not self.training or self.probability == 0.0:
            return branch
        kept = 1.0 - self.probability
        mask = branch.new_empty(branch.shape[0], *[1] * (branch.ndim - 1)).bernoulli_(kept)
        return branch * mask / kept


class PatchEmbedding(nn.Module):
    """Overlapping strided convolution, then a norm: (B, in, H, W) to tokens (B, h * w, C)."""

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return tokens and the size of the map they form."""
        embedded = self.project(image)
        return self.norm(_tokens(embedded)), (embedded.shape[-2], embedded.shape[-1])


class Attention(nn.Module):
    """Self-attention whose keys and values come from a map reduced by a strided convolution."""

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.output = nn.Linear(channels, channels)
        if reduction > 1:
            self.reduce = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (B, h * w, C) to the same shape."""
        source = tokens
        if self.reduction > 1:
            source = self.norm(_tokens(self.reduce(_map(tokens, size))))
        query = self.query(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(source).unflatten(2, (2, self.heads, -1)).permute(
            2, 0, 3, 1, 4)
        attended = _attended(query, key, value)
        mixed: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return mixed


def _attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return softmax(query key^T / sqrt(width)) value of (B, heads, tokens, width)."""
    if query.device.type != 'cpu':
        return F.scaled_dot_product_attention(query, key, value)
    # With the few hundred keys that are left here, twice as fast as the fused kernel of CPUs.
    scaled = (query * query.shape[-1] ** -0.5).contiguous()
    return torch.softmax(scaled @ key.transpose(-1, -2), dim=-1) @ value


class MixFeedForward(nn.Module):
    """Two linear layers with a depthwise 3x3 convolution between them, which tells positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = _MLP_RATIO * channels
        self.expand = nn.Linear(channels, hidden)
        self.mix = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.reduce = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (B, h * w, C) to the same shape."""
        mixed = _tokens(self.mix(_map(self.expand(tokens), size)))
        reduced: Tensor = self.reduce(F.gelu(mixed))
        return reduced


class Block(nn.Module):
    """Attention and feed-forward, each normalised first and residual."""

    def __init__(self, channels: int, heads: int, reduction: int, drop_path: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(channels, _BLOCK_EPS)
        self.attention = Attention(channels, heads, reduction)
        self.feed_norm = nn.LayerNorm(channels, _BLOCK_EPS)
        self.feed = MixFeedForward(channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (B, h * w, C) to the same shape."""
        tokens = tokens + self.drop_path(self.attention(self.attention_norm(tokens), size))
        branch: Tensor = self.drop_path(self.feed(self.feed_norm(tokens), size))
        return tokens + branch


class Stage(nn.Module):
    """Embedding, blocks and norm of one resolution."""

    def __init__(self, index: int, drop_paths: list[float]) -> None:
        super().__init__()
        channels = _CHANNELS[index]
        before = _CHANNELS[index - 1] if index else 3
        self.embed = PatchEmbedding(before, channels, *((3, 2) if index else (7, 4)))
        self.blocks = nn.ModuleList(
            Block(channels, _HEADS[index], _REDUCTIONS[index], drop) for drop in drop_paths)
        self.norm = nn.LayerNorm(channels, _BLOCK_EPS)

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, C, h, w)."""
        tokens, size = self.embed(image)
        for block in self.blocks:
            tokens = block(tokens, size)
        return _map(self.norm(tokens), size)


class SegformerEncoder(nn.Module):
    """
    MiT-B2 with random weights.

    Args:
        drop_path: probability of the last block; those before grow linearly from zero.
    """

    channels: tuple[int, ...] = _CHANNELS

    def __init__(self, drop_path: float = 0.1) -> None:
        super().__init__()
        drops = torch.linspace(0, drop_path, sum(_DEPTHS), device='cpu').tolist()
        firsts = [sum(_DEPTHS[:index]) for index in range(len(_DEPTHS))]
        self.stages = nn.ModuleList(
            Stage(index, drops[first:first + depth])
            for index, (first, depth) in enumerate(zip(firsts, _DEPTHS, strict=True)))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to features at 1/4, 1/8, 1/16 and 1/32."""
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return features
