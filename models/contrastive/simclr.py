"""The loss of SimCLR: two views of one crop should be alike, and unlike all others in the batch."""

import torch

APART = -1e4
"""The similarity that excludes a pair: its share of the softmax is 0, in half precision too."""


def compute_nt_xent(vectors: torch.Tensor, *, temperature: float, groups: torch.Tensor | None = None) -> torch.Tensor:
    """The normalised temperature-scaled cross entropy of a batch of pairs of views.

    Args:
        vectors: Float, shape ``(2n, d)``, of length 1: views ``i`` and ``i + n`` show the same crop.
        temperature: > 0. If it is lower, the most similar of the others count for more.
        groups: Shape ``(n,)``, int: crops of one group (the frames of one event) are not pushed apart. Frames of a
            burst are nearly the same picture and differ by little but the wind.

    Returns:
        A scalar, >= 0; lower is better.

    Raises:
        ValueError: If the vectors are not pairs, or the temperature is not positive.

    Source: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
    """
    if vectors.ndim != 2 or len(vectors) % 2 or not len(vectors):
        raise ValueError(f"vectors must have shape (2n, d), got {tuple(vectors.shape)}")
    if not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    n = len(vectors) // 2
    likeness = vectors @ vectors.T / temperature  # (2n, 2n)
    partner = torch.arange(2 * n, device=vectors.device).roll(n)  # i + n, and back
    apart = torch.eye(2 * n, dtype=torch.bool, device=vectors.device)
    if groups is not None:
        both = groups.repeat(2)  # (2n,)
        apart = apart | (both[:, None] == both[None, :])
        apart[torch.arange(2 * n, device=vectors.device), partner] = False
    return torch.nn.functional.cross_entropy(likeness.masked_fill(apart, APART), partner)
