"""The triplet loss: a crop should be nearer to its own species than to another species, by a margin."""

import torch

TINY = 1e-12
"""Added under the square root, whose slope at 0 is infinite."""


def compute_triplet_loss(
    vectors: torch.Tensor, species: torch.Tensor, *, margin: float, choice: str = "all"
) -> torch.Tensor:
    """The mean over anchor, positive (same species) and negative (another species) of ``max(0, d_ap - d_an + margin)``.

    Args:
        vectors: Float, shape ``(n, d)``, of length 1, so that distances go from 0 to 2.
        species: Shape ``(n,)``, int.
        margin: How much nearer the positive has to be, >= 0.
        choice: ``all``: the mean over the triplets of the batch that break the margin. ``hardest``: for each anchor
            that has both, the farthest positive and the nearest negative. ``mean``: the mean over every triplet. Only
            ``mean`` can be compared between epochs, because the others use fewer and harder triplets as training
            proceeds.

    Returns:
        A scalar, >= 0; lower is better. 0 if there is no triplet.

    Raises:
        ValueError: If the shapes do not fit, the margin is negative or the choice unknown.

    Source: Schroff et al., FaceNet, CVPR 2015; Hermans et al., In Defense of the Triplet Loss, 2017.
    """
    if vectors.ndim != 2 or species.shape != vectors.shape[:1]:
        raise ValueError(f"vectors must be (n, d) and species (n,), got {tuple(vectors.shape)}, {tuple(species.shape)}")
    if not margin >= 0:
        raise ValueError(f"margin must be >= 0, got {margin}")
    if choice not in ("all", "hardest", "mean"):
        raise ValueError(f"choice must be all, hardest or mean, got {choice!r}")
    distances = (2 - 2 * vectors @ vectors.T).clamp_min(0).add(TINY).sqrt()  # (n, n)
    same = species[:, None] == species[None, :]
    positive = same & ~torch.eye(len(species), dtype=torch.bool, device=species.device)
    negative = ~same
    if choice == "hardest":
        usable = positive.any(dim=1) & negative.any(dim=1)
        farthest = distances.masked_fill(~positive, -torch.inf).amax(dim=1)
        nearest = distances.masked_fill(~negative, torch.inf).amin(dim=1)
        losses = torch.relu(farthest[usable] - nearest[usable] + margin)
        return losses.mean() if len(losses) else vectors.sum() * 0
    losses = torch.relu(distances[:, :, None] - distances[:, None, :] + margin)  # anchor, positive, negative
    valid = positive[:, :, None] & negative[:, None, :]
    losses = losses * valid
    counted = valid if choice == "mean" else losses.detach() > 0
    return losses.sum() / counted.sum().clamp_min(1)
