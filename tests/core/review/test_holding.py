"""Which verdict holds and which boxes are the same animal: in SQL and in memory as by a slow, obvious version."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from core.records import Round
from core.review.holding import HOLDING, SAME_BOX_IOU, match_crops, take_latest

BOX = ["x", "y", "width", "height"]


def draw_crops(seed: int, n: int, *, known: list[str] | None = None) -> pd.DataFrame:
    """Crops on three photos, many of which overlap; some have the ids of ``known`` crops."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "crop_id": [f"{seed}-{i}" for i in range(n)],
            "photo_id": rng.choice(["p", "q", "r"], n),
            "kind": rng.choice(["detection", "frame"], n, p=[0.8, 0.2]),
            **{name: rng.integers(0, 12, n).astype(float) for name in BOX[:2]},
            **{name: rng.integers(0, 20, n).astype(float) for name in BOX[2:]},
        }
    )
    if known:
        chosen = rng.permutation(n)[: n // 4]
        table.loc[chosen, "crop_id"] = rng.permutation(known)[: len(chosen)]
    return table


def draw_verdicts(seed: int, n: int, crops: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of three reviewers in all rounds, several on many of the crops; some take one back."""
    rng = np.random.default_rng(seed)
    given = crops.iloc[rng.integers(0, len(crops), n)].reset_index(drop=True)
    return given.assign(
        sequence=np.arange(1, n + 1),
        verdict=rng.choice(["anomaly", "normal", "unsure", ""], n),
        reviewer=rng.choice(["Ada", "Ben", ""], n),
        round=rng.choice([str(one) for one in Round], n),
    )


def measure_overlap(a: pd.Series, b: pd.Series) -> float:
    """Intersection over union, by counting unit squares."""
    cells = [
        {(x, y) for x in range(int(s.x), int(s.x + s.width)) for y in range(int(s.y), int(s.y + s.height))}
        for s in (a, b)
    ]
    union = cells[0] | cells[1]
    return len(cells[0] & cells[1]) / len(union) if union else 0.0


def match_slowly(crops: pd.DataFrame, others: pd.DataFrame) -> list[int]:
    matched = []
    for _, crop in crops.iterrows():
        same = others.index[others["crop_id"] == crop.crop_id].tolist()
        if not same:
            near = others[(others["photo_id"] == crop.photo_id) & (others["kind"] == crop.kind)].sort_values("crop_id")
            overlaps = [measure_overlap(crop, other) for _, other in near.iterrows()]
            if overlaps and max(overlaps) >= SAME_BOX_IOU:
                same = [near.index[overlaps.index(max(overlaps))]]
        matched.append(same[0] if same else -1)
    return matched


def find_latest_slowly(verdicts: pd.DataFrame, *by: str) -> dict[tuple[str, ...], int]:
    latest = {}
    for _, one in verdicts.sort_values("sequence").iterrows():
        latest[tuple(one[name] for name in by)] = one
    return {key: int(one.sequence) for key, one in latest.items() if one.verdict}


@pytest.mark.parametrize("seed", range(6))
def test_the_same_animal_is_found_as_by_comparing_every_pair_of_boxes(seed):
    others = draw_crops(seed, 30)
    crops = draw_crops(seed + 100, 40, known=others["crop_id"].tolist())

    matched = match_crops(crops, others)

    assert matched.tolist() == match_slowly(crops, others)
    assert (matched >= 0).sum() > 10
    assert (matched < 0).any()


@pytest.mark.parametrize("seed", range(6))
def test_the_verdict_that_holds_in_a_run_is_the_latest_on_the_same_animal(seed):
    catalogue = draw_crops(seed, 30)
    there = draw_crops(seed + 100, 40, known=catalogue["crop_id"].tolist())
    verdicts = draw_verdicts(seed, 80, there)
    given = verdicts[verdicts["round"] != Round.SECOND]
    latest = given.sort_values("sequence").drop_duplicates("crop_id", keep="last")
    expected: dict[str, int] = {}
    for row, sequence in zip(match_slowly(latest, catalogue), latest["sequence"], strict=True):
        if row >= 0:
            expected[catalogue["crop_id"][row]] = int(sequence)  # the later one replaces the earlier

    with duckdb.connect() as connection:
        connection.register("given", given)
        connection.register("catalogue", catalogue.assign(place=np.arange(len(catalogue))))
        held = dict(connection.execute(f"SELECT crop_id, sequence FROM ({HOLDING})").fetchall())

    assert held == expected
    assert len(held) > 5


@pytest.mark.parametrize("seed", range(4))
def test_the_latest_verdict_is_the_same_in_memory_as_one_by_one(seed):
    verdicts = draw_verdicts(seed, 120, draw_crops(seed, 25)).sample(frac=1, random_state=seed)

    holding = take_latest(verdicts)
    own = take_latest(verdicts, by=("crop_id", "reviewer"), rounds=(Round.SECOND,))

    first = verdicts[verdicts["round"] != Round.SECOND]
    keys = [(crop_id,) for crop_id in holding["crop_id"]]
    assert dict(zip(keys, holding["sequence"], strict=True)) == find_latest_slowly(first, "crop_id")
    assert holding["sequence"].is_monotonic_increasing
    second = verdicts[verdicts["round"] == Round.SECOND]
    pairs = zip(own["crop_id"], own["reviewer"], strict=True)
    assert dict(zip(pairs, own["sequence"], strict=True)) == find_latest_slowly(second, "crop_id", "reviewer")


def test_without_verdicts_or_crops_nothing_is_matched():
    crops = draw_crops(0, 3)
    assert match_crops(crops.head(0), crops).tolist() == []
    assert match_crops(crops, crops.head(0)).tolist() == [-1, -1, -1]
    assert match_crops(crops, crops).tolist() == [0, 1, 2]
