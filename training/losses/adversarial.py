"""
The adversary's view: true, perturbed and predicted class volumes (AMMNet, Sec. 3.3).

Truths are (B, X, Y, Z) class ids where everything masked or unknown has become 0; what the
discriminator sees are (B, C, X, Y, Z) volumes. No function waits for the device. Random numbers
are torch's global ones of the device, so that a seed per step makes them repeatable.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.completion import IGNORE_ID


def visible_truth(labels: Tensor, weight: Tensor) -> Tensor:
    """Return (B, X, Y, Z) int64 ids: labels where known and weighted, else 0 (empty)."""
    return labels.where(weight & (labels != IGNORE_ID), 0).long()


def one_hot_volume(ids: Tensor, num_classes: int) -> Tensor:
    """Return (B, C, X, Y, Z) float32 zeros and ones of (B, X, Y, Z) ids."""
    return F.one_hot(ids, num_classes).movedim(-1, 1).float()


def erased_mask(
    labels: Tensor, share_range: tuple[float, float], *, exact: bool = True,
) -> Tensor:
    """
    Choose which occupied voxels the geometric perturbation erases: (B, X, Y, Z) bool.

    Args:
        labels: (B, X, Y, Z) ids before masking.
        share_range: the share of a sample is drawn from it uniformly.
        exact: exactly floor(share * occupied) voxels (official code), or each by chance (paper).
    """
    occupied = ((labels > 0) & (labels != IGNORE_ID)).flatten(1)
    share = _uniform(len(labels), share_range, labels.device)[:, None]
    draws = torch.rand(occupied.shape, device=labels.device)
    if not exact:
        return (occupied & (draws < share)).view(labels.shape)
    order = draws.masked_fill(~occupied, 2.0).argsort(dim=1)
    count = (occupied.sum(dim=1, keepdim=True) * share).long()
    ranks = torch.arange(occupied.shape[1], device=labels.device).expand_as(order)
    erased = torch.zeros_like(occupied).scatter(1, order, ranks < count)
    return erased.view(labels.shape)


def erase(volume: Tensor, erased: Tensor, *, to: str = 'zero') -> Tensor:
    """
    Return a (B, C, X, Y, Z) one-hot volume whose erased voxels are zero vectors or empty.

    Args:
        to: `zero` (official code) or `empty` (paper).
    """
    result = volume * ~erased[:, None]
    if to == 'empty':
        result[:, 0] += erased
    return result


def shuffle(
    ids: Tensor, num_classes: int, share_range: tuple[float, float], *, exact: bool = True,
) -> Tensor:
    """
    Perturb semantics: voxels of some classes of each sample turn into other classes.

    Of the N classes that occur in a sample, K are picked, K uniform in 1..N, each with a share of
    its own. Empty voxels stay empty. A sample without any class is returned as it is.

    Args:
        ids: (B, X, Y, Z) from `visible_truth`.
        exact: as the official code: floor(share * n) of a class's n voxels are drawn with
            replacement, and all of them turn into the same other class; or as the paper says:
            each by chance, into another class of its own.
    """
    flat = ids.flatten(1)
    picked = _picked_classes(flat, num_classes)
    shares = _uniform((len(ids), num_classes), share_range, ids.device)
    if exact:
        changes = _drawn_with_replacement(flat, shares)
        targets = _other_classes(torch.arange(num_classes, device=ids.device).expand_as(shares))
        target = targets.gather(1, flat)
    else:
        changes = torch.rand(flat.shape, device=ids.device) < shares.gather(1, flat)
        target = _any_other_class(flat, num_classes)
    return target.where(changes & picked.gather(1, flat), flat).view(ids.shape)


def judged(logits: Tensor, *, real: bool) -> Tensor:
    """Return the mean binary cross-entropy of the discriminator's logits."""
    return F.binary_cross_entropy_with_logits(
        logits.float(), torch.full_like(logits, float(real), dtype=torch.float32))


def _uniform(
    size: int | tuple[int, int], bounds: tuple[float, float], device: torch.device,
) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(size, device=device)


def _picked_classes(flat: Tensor, num_classes: int) -> Tensor:
    """Return (B, C) bool: K random ones of the N classes that occur, K uniform in 1..N."""
    occurs = torch.zeros(
        len(flat), num_classes, dtype=torch.bool, device=flat.device).scatter(1, flat, True)
    occurs[:, 0] = False
    number = occurs.sum(dim=1, keepdim=True)
    wanted = 1 + (number * torch.rand(number.shape, device=flat.device)).long()
    order = torch.rand(occurs.shape, device=flat.device).masked_fill(~occurs, 2.0).argsort(dim=1)
    return occurs & (order.argsort(dim=1) < wanted)


def _drawn_with_replacement(flat: Tensor, shares: Tensor) -> Tensor:
    """Return (B, N) bool: hit by one of floor(share * n) draws among the n voxels of its class."""
    counts = torch.zeros_like(shares, dtype=torch.long).scatter_add(
        1, flat, torch.ones_like(flat))
    starts = counts.cumsum(dim=1) - counts
    # Voxels in order of class: those of one class are a run, whose places stand for its draws.
    by_class = flat.argsort(dim=1, stable=True)
    label = flat.gather(1, by_class)
    start, count = starts.gather(1, label), counts.gather(1, label)
    place = torch.arange(flat.shape[1], device=flat.device) - start
    is_draw = place < (count * shares.gather(1, label)).long()
    hit = start + (count * torch.rand(flat.shape, device=flat.device)).long().minimum(count - 1)
    hits = torch.zeros_like(flat).scatter_add(1, by_class.gather(1, hit), is_draw.long())
    return hits > 0


def _other_classes(classes: Tensor) -> Tensor:
    """Draw, for (B, C) classes, one of 1..C-1; a class that meets itself takes the one before."""
    num_classes = classes.shape[1]
    draws = torch.randint(1, num_classes, classes.shape, device=classes.device)
    # Class 1 has none before it that is not empty.
    beyond = torch.randint(2, num_classes, classes.shape, device=classes.device)
    instead = (classes - 1).where(classes > 1, beyond)
    return instead.where(draws == classes, draws)


def _any_other_class(flat: Tensor, num_classes: int) -> Tensor:
    """Draw uniformly among 1..C-1 without the voxel's own class."""
    draws = torch.randint(1, num_classes - 1, flat.shape, device=flat.device)
    return draws + (draws >= flat)
