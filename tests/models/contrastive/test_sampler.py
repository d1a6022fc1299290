"""Batches of a training: rare species as often as asked for, in an order that a resumed training meets again."""

from collections import Counter

import numpy as np
import pytest

from models.contrastive.sampler import CropSampler

SPECIES = ["deer"] * 60 + ["fox"] * 30 + ["hare"] * 6


def shown(sampler: CropSampler, epochs: int = 3) -> Counter[str]:
    return Counter(SPECIES[i] for epoch in range(epochs) for batch in sampler.deal_epoch(epoch) for i in batch)


@pytest.mark.parametrize(
    ("balance", "share"), [(0.0, (60 / 96, 30 / 96, 6 / 96)), (1.0, (1 / 3, 1 / 3, 1 / 3)), (0.5, (0.5, 0.354, 0.158))]
)
def test_species_come_as_often_as_the_balance_says(balance, share):
    counts = shown(CropSampler(SPECIES, batch_crops=16, balance=balance, seed=0))
    total = counts.total()
    assert [counts[name] / total for name in ("deer", "fox", "hare")] == pytest.approx(share, abs=0.03)


def test_an_epoch_without_balance_shows_every_crop_once():
    batches = CropSampler(SPECIES, batch_crops=16, balance=0.0, seed=0).deal_epoch(5)
    assert sorted(np.concatenate(batches)) == list(range(96))


def test_no_crop_comes_twice_before_its_species_is_through():
    dealt = np.concatenate(CropSampler(SPECIES, batch_crops=16, balance=1.0, seed=0).deal_epoch(0))
    of_hares = [i for i in dealt if SPECIES[i] == "hare"]
    for start in range(0, len(of_hares) - 5, 6):
        assert len(set(of_hares[start : start + 6])) == 6
    assert len({i for i in dealt if SPECIES[i] == "deer"}) == sum(SPECIES[i] == "deer" for i in dealt)


def test_an_epoch_can_be_dealt_again_and_differs_from_the_next():
    first, again = (CropSampler(SPECIES, batch_crops=16, balance=1.0, seed=4) for _ in range(2))
    assert np.array_equal(np.stack(first.deal_epoch(2)), np.stack(again.deal_epoch(2)))
    assert not np.array_equal(np.stack(first.deal_epoch(2)), np.stack(first.deal_epoch(3)))


def test_batches_of_triplets_hold_several_crops_of_each_species():
    sampler = CropSampler(SPECIES, batch_crops=16, balance=1.0, seed=0, together=4)
    for batch in sampler.deal_epoch(0):
        assert len(batch) == sampler.batch_crops == 16
        assert min(Counter(SPECIES[i] for i in batch).values()) >= 4


def test_a_species_with_one_crop_and_few_crops_in_all_are_no_obstacle():
    sampler = CropSampler(["deer", "deer", "fox"], batch_crops=8, balance=1.0, seed=0, together=4)
    (batch,) = sampler.deal_epoch(0)
    assert len(batch) == 8
    assert {int(i) for i in batch} == {0, 1, 2}
    assert CropSampler(["deer"], batch_crops=64, balance=0.3, seed=0).deal_epoch(0)[0].tolist() == [0]


@pytest.mark.parametrize(("species", "balance"), [([], 1.0), (["deer"], -0.1), (["deer"], 1.1)])
def test_what_cannot_be_dealt_is_refused(species, balance):
    with pytest.raises(ValueError, match=r"crop|balance"):
        CropSampler(species, batch_crops=4, balance=balance, seed=0)
