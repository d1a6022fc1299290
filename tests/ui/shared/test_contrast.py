"""The losses are what the papers say: checked against loops that anyone can follow."""

import math

import numpy as np
import pytest
import torch

from models.contrastive.simclr import compute_nt_xent
from models.contrastive.triplet import compute_triplet_loss


def draw_vectors(n: int, d: int = 5, seed: int = 0) -> torch.Tensor:
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(rows, dim=1)


def loop_nt_xent(vectors: np.ndarray, temperature: float, groups: list[int] | None = None) -> float:
    n = len(vectors) // 2
    losses = []
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        total = 0.0
        for k in range(2 * n):
            burst = groups is not None and groups[k % n] == groups[i % n] and k != partner
            if k != i and not burst:
                total += math.exp(float(vectors[i] @ vectors[k]) / temperature)
        losses.append(-math.log(math.exp(float(vectors[i] @ vectors[partner]) / temperature) / total))
    return sum(losses) / len(losses)


def loop_triplet(vectors: np.ndarray, species: list[int], margin: float, choice: str) -> float:
    n = len(vectors)
    kept = []
    for a in range(n):
        of_anchor = [
            (float(np.linalg.norm(vectors[a] - vectors[p])), float(np.linalg.norm(vectors[a] - vectors[q])))
            for p in range(n)
            if p != a and species[p] == species[a]
            for q in range(n)
            if species[q] != species[a]
        ]
        if choice == "hardest":
            if of_anchor:
                kept.append(max(0.0, max(p for p, _ in of_anchor) - min(q for _, q in of_anchor) + margin))
        else:
            losses = [max(0.0, p - q + margin) for p, q in of_anchor]
            kept += losses if choice == "mean" else [loss for loss in losses if loss > 0]
    return sum(kept) / len(kept) if kept else 0.0


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("groups", [None, [0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0]])
def test_nt_xent_is_the_slow_loop(temperature, groups):
    vectors = draw_vectors(8)
    quick = compute_nt_xent(vectors, temperature=temperature, groups=None if groups is None else torch.tensor(groups))
    assert float(quick) == pytest.approx(loop_nt_xent(vectors.numpy(), temperature, groups), rel=1e-9)


def test_nt_xent_is_least_when_views_of_a_crop_are_alike_and_others_are_not():
    apart = torch.eye(4, dtype=torch.float64)
    good = compute_nt_xent(torch.cat([apart, apart]), temperature=0.1)
    mixed = compute_nt_xent(torch.cat([apart, apart.roll(1, 0)]), temperature=0.1)
    assert float(good) < 0.01 < float(mixed)


def test_nt_xent_by_hand():
    # One pair: nothing else to be told from, so nothing to lose.
    assert float(compute_nt_xent(draw_vectors(2), temperature=0.5)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("vectors", "temperature"),
    [
        (torch.zeros(3, 2), 0.1),
        (torch.zeros(0, 2), 0.1),
        (torch.zeros(4), 0.1),
        (torch.zeros(4, 2), 0.0),
        (torch.zeros(4, 2), float("nan")),
    ],
)
def test_nt_xent_refuses_what_are_no_pairs(vectors, temperature):
    with pytest.raises(ValueError, match=r"vectors|temperature"):
        compute_nt_xent(vectors, temperature=temperature)


@pytest.mark.parametrize("choice", ["all", "hardest", "mean"])
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("species", [[0, 0, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1, 2], [0, 1, 2, 3, 4, 5, 6], [0] * 7])
def test_the_triplet_loss_is_the_slow_loop(choice, margin, species):
    vectors = draw_vectors(7, seed=1)
    quick = compute_triplet_loss(vectors, torch.tensor(species), margin=margin, choice=choice)
    assert float(quick) == pytest.approx(loop_triplet(vectors.numpy(), species, margin, choice), rel=1e-5, abs=1e-9)


def test_the_triplet_loss_pulls_a_species_together_and_never_gives_a_slope_without_a_number():
    vectors = torch.cat([draw_vectors(3), draw_vectors(3)]).requires_grad_()  # each twice: distances of 0
    loss = compute_triplet_loss(vectors, torch.tensor([0, 0, 1, 0, 0, 1]), margin=0.5)
    loss.backward()
    assert torch.isfinite(vectors.grad).all()
    assert float(vectors.grad.abs().sum()) > 0


@pytest.mark.parametrize(
    ("species", "margin", "choice"), [([0, 1], 0.1, "all"), ([0, 0, 1], -0.1, "all"), ([0, 0, 1], 0.1, "some")]
)
def test_the_triplet_loss_refuses_what_cannot_be(species, margin, choice):
    with pytest.raises(ValueError, match=r"species|margin|choice"):
        compute_triplet_loss(torch.zeros(3, 2), torch.tensor(species), margin=margin, choice=choice)
