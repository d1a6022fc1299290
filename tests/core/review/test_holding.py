"""Which verdict holds and which boxes are the same animal: in SQL and in memory as by a slow, obvious version."""

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from core.records import Box, CropKind, Decision, Round, Verdict
from core.review.holding import HOLDING, SAME_BOX_IOU, match_crops, take_latest
from core.review.index import ReviewIndex
from core.runs.catalogue import read_catalogue
from tests.fakes.project import make_project

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
        verdict=rng.choice(["anomaly", "normal", "unsure", ""], n, p=[0.3, 0.3, 0.25, 0.15]),
        reviewer=rng.choice(["Ada", "Ben", ""], n),
        round=rng.choice([str(one) for one in Round], n),
        given_to=rng.choice(["", "g", "h"], n),
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


def hold_slowly(verdicts: list[pd.Series]) -> int:
    """Which of the verdicts on one animal holds, read one after the other; 0 if none does."""
    own = of_group = 0
    for one in sorted(verdicts, key=lambda one: one.sequence):
        if not one.verdict:
            own = of_group = 0
        elif one.given_to:
            of_group = one.sequence
        else:
            own = one.sequence
    return int(own or of_group)


def find_holding_slowly(verdicts: pd.DataFrame, *by: str) -> dict[tuple[str, ...], int]:
    given: dict[tuple[str, ...], list[pd.Series]] = {}
    for _, one in verdicts.iterrows():
        given.setdefault(tuple(one[name] for name in by), []).append(one)
    return {key: sequence for key, some in given.items() if (sequence := hold_slowly(some))}


def hold_in_run_slowly(given: pd.DataFrame, catalogue: pd.DataFrame) -> dict[str, int]:
    """The verdict that holds for each crop of a run, of all on the same animal."""
    on: dict[str, list[pd.Series]] = {}
    for (_, one), row in zip(given.iterrows(), match_slowly(given, catalogue), strict=True):
        if row >= 0:
            on.setdefault(catalogue["crop_id"][row], []).append(one)
    return {crop_id: sequence for crop_id, some in on.items() if (sequence := hold_slowly(some))}


@pytest.mark.parametrize("seed", range(6))
def test_the_same_animal_is_found_as_by_comparing_every_pair_of_boxes(seed):
    others = draw_crops(seed, 30)
    crops = draw_crops(seed + 100, 40, known=others["crop_id"].tolist())

    matched = match_crops(crops, others)

    assert matched.tolist() == match_slowly(crops, others)
    assert (matched >= 0).sum() > 10
    assert (matched < 0).any()


@pytest.mark.parametrize("seed", range(6))
def test_the_verdict_that_holds_in_a_run_is_found_as_by_reading_one_after_the_other(seed):
    catalogue = draw_crops(seed, 30)
    there = draw_crops(seed + 100, 40, known=catalogue["crop_id"].tolist())
    verdicts = draw_verdicts(seed, 80, there)
    given = verdicts[verdicts["round"] != Round.SECOND]
    expected = hold_in_run_slowly(given, catalogue)

    with duckdb.connect() as connection:
        connection.register("given", given)
        connection.register("catalogue", catalogue.assign(place=np.arange(len(catalogue))))
        rows = connection.execute(f"SELECT crop_id, given_on, sequence FROM ({HOLDING})").fetchall()

    said = given.set_index("sequence")
    assert {crop_id: sequence for crop_id, _, sequence in rows if said["verdict"][sequence]} == expected
    assert all(said["crop_id"][sequence] == given_on for _, given_on, sequence in rows)
    assert len(expected) > 5


@pytest.mark.parametrize("seed", range(4))
def test_the_verdict_that_holds_is_the_same_in_memory_as_one_by_one(seed):
    verdicts = draw_verdicts(seed, 120, draw_crops(seed, 25)).sample(frac=1, random_state=seed)

    holding = take_latest(verdicts)
    own = take_latest(verdicts, by=("crop_id", "reviewer"), rounds=(Round.SECOND,))

    first = verdicts[verdicts["round"] != Round.SECOND]
    keys = [(crop_id,) for crop_id in holding["crop_id"]]
    assert dict(zip(keys, holding["sequence"], strict=True)) == find_holding_slowly(first, "crop_id")
    assert holding["sequence"].is_monotonic_increasing
    second = verdicts[verdicts["round"] == Round.SECOND]
    pairs = zip(own["crop_id"], own["reviewer"], strict=True)
    assert dict(zip(pairs, own["sequence"], strict=True)) == find_holding_slowly(second, "crop_id", "reviewer")


@pytest.mark.parametrize("step", [1, 7])
def test_an_index_that_hears_of_verdicts_bit_by_bit_holds_the_same(tmp_path, step):
    project = make_project(tmp_path, n=8)
    run = project.latest_run()
    catalogue = read_catalogue(run, ("crop_id", "photo_id", "kind", *BOX))
    moved = catalogue.assign(x=catalogue["x"] + 3, crop_id="moved " + catalogue["crop_id"])
    verdicts = draw_verdicts(step, 120, pd.concat([catalogue, moved], ignore_index=True))
    verdicts = verdicts.assign(species="", note="", decided_at=pd.Timestamp("2026-05-01"))
    given = verdicts[verdicts["round"] != Round.SECOND].reset_index(drop=True)
    heard, noted = ReviewIndex(run), ReviewIndex(run)
    place_of = noted.find_places(catalogue["crop_id"].tolist())

    for start in range(0, len(given), step):
        part = given[start : start + step]
        heard.add_verdicts(part)
        notes = [(place_of[one.crop_id.removeprefix("moved ")], one) for one in part.itertuples()]
        noted.note_verdicts(
            [(place, to_verdict(one), number) for number, (place, one) in enumerate(notes, start=noted.sequence + 1)]
        )

    expected = set(hold_in_run_slowly(given, catalogue).values())
    assert set(heard.read_decided()["sequence"].to_pylist()) == expected
    by_number = given["sequence"].tolist()
    assert {by_number[number - 1] for number in noted.read_decided()["sequence"].to_pylist()} == expected


def to_verdict(row: Any) -> Verdict:
    return Verdict(
        verdict_id=str(row.sequence),
        photo_id=row.photo_id,
        crop_id=row.crop_id,
        kind=CropKind(row.kind),
        box=Box(row.x, row.y, row.width, row.height),
        verdict=Decision(row.verdict) if row.verdict else None,
        decided_at=datetime(2026, 5, 1),
        given_to=row.given_to,
    )


def test_without_verdicts_or_crops_nothing_is_matched():
    crops = draw_crops(0, 3)
    assert match_crops(crops.head(0), crops).tolist() == []
    assert match_crops(crops, crops.head(0)).tolist() == [-1, -1, -1]
    assert match_crops(crops, crops).tolist() == [0, 1, 2]
