"""A folder without labels is judged against itself: small bands of odd animals stand out, and nothing crashes."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from core.evaluation.metrics import compute_auroc
from core.records import CropKind, JudgedBy
from core.settings.run import RunSettings
from models.judging import first_look
from models.judging.first_look import FirstLookScorer
from models.judging.outliers import SMALL_SHARES, OutlierModel, find_joining_heights
from tests.fakes.scored_crops import SECTIONS, Shards, draw_species, make_crops

COLUMNS = ["crop_id", "species", "score", "p_value", "flagged", "judged_by", "judged_against"]


def look_at(*pairs, settings: RunSettings | None = None):
    scorer = FirstLookScorer(settings or RunSettings(), SECTIONS)
    return list(scorer.score(Shards(pairs))), scorer


def make_season(n_odd: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four usual species and a band of one that is odd; embeddings and which are odd."""
    usual = [draw_species(i, n, seed=seed + i) for i, n in enumerate([180, 150, 120, 100])]
    rows = np.concatenate([*usual, draw_species(9, n_odd, seed=seed + 9, spread=0.5)])
    return rows, np.arange(len(rows)) >= 550


@pytest.mark.parametrize("n_odd", [1, 8, 40])
def test_odd_animals_stand_out_also_when_they_are_a_small_band_that_look_alike(n_odd):
    rows, odd = make_season(n_odd)
    order = np.random.default_rng(0).permutation(len(rows))

    (table,), _ = look_at(make_crops(rows[order]))

    assert compute_auroc(table["score"].to_numpy(), novel=odd[order]) > 0.97


def test_a_band_fools_ten_nearest_neighbours_but_not_the_first_look():
    rows, odd = make_season(40)
    scaled = np.concatenate(
        [
            part / np.linalg.norm(part, axis=1, keepdims=True)
            for part in np.split(rows, np.cumsum(SECTIONS)[:-1], axis=1)
        ],
        axis=1,
    ) / np.sqrt(len(SECTIONS))
    distances = np.sort(1 - scaled @ scaled.T, axis=1)[:, 1:11].mean(axis=1)

    (table,), _ = look_at(make_crops(rows))

    assert compute_auroc(distances, novel=odd) < 0.5
    assert compute_auroc(table["score"].to_numpy(), novel=odd) > 0.97


@pytest.mark.parametrize(("n_usual", "n_odd"), [(25, 3), (45, 6), (55, 8), (70, 8)])
def test_a_few_animals_in_the_frames_of_a_camera_with_few_photos_stand_out(n_usual, n_odd):
    rows = np.concatenate([draw_species(0, n_usual, seed=1, spread=0.6), draw_species(9, n_odd, seed=9, spread=0.6)])

    (table,), _ = look_at(make_crops(rows, kind=CropKind.FRAME))

    assert compute_auroc(table["score"].to_numpy(), novel=np.arange(len(rows)) >= n_usual) > 0.97


def test_the_oddest_share_of_each_group_is_flagged_and_units_are_those_of_the_group():
    pairs = [make_crops(draw_species(i, 200, seed=i), deployment=f"cam{i}", name=f"cam{i}") for i in range(2)]

    tables, _ = look_at(*pairs)

    for table, (crops, _) in zip(tables, pairs, strict=True):
        assert table.columns.tolist() == COLUMNS
        assert table["crop_id"].tolist() == crops["crop_id"].tolist()
        assert table["flagged"].mean() == pytest.approx(0.05, abs=0.006)
        assert table["score"].median() == pytest.approx(0, abs=1e-9)
        assert table["score"].quantile(0.95) == pytest.approx(1)
        assert (table["judged_by"] == JudgedBy.FIRST_LOOK).all()
        ranked = table.sort_values("score")["p_value"].to_numpy()
        assert (np.diff(ranked) <= 0).all()
        assert ranked[-1] == pytest.approx(1 / 200)
    assert set(tables[0]["judged_against"]) == {"crops of cam0"}


def test_scores_do_not_depend_on_how_the_crops_are_cut_into_shards():
    table, rows = make_crops(make_season(8)[0])
    pieces = [(table.iloc[part], rows[part]) for part in (slice(0, 100), slice(100, 100), slice(100, 558))]

    (whole,), _ = look_at((table, rows))
    parts, _ = look_at(*pieces)

    joined = np.concatenate([part["score"] for part in parts])
    np.testing.assert_allclose(joined, whole["score"], atol=1e-3)
    assert [len(part) for part in parts] == [100, 0, 458]


def test_the_same_folder_gives_the_same_scores_again():
    pair = make_crops(make_season(8)[0])

    (first,), _ = look_at(pair)
    (second,), _ = look_at(pair)

    np.testing.assert_array_equal(first["score"], second["score"])


def test_detections_and_whole_frames_are_judged_apart():
    rows = draw_species(0, 60, seed=1)
    frames = make_crops(draw_species(5, 30, seed=2), kind=CropKind.FRAME, name="frame")

    crops_table, frames_table = look_at(make_crops(rows), frames)[0]

    assert set(crops_table["judged_against"]) == {"crops of north"}
    assert set(frames_table["judged_against"]) == {"whole frames of north"}
    assert frames_table["score"].median() == pytest.approx(0, abs=1e-9)


def test_cameras_with_few_crops_are_judged_together_and_it_is_said():
    pairs = [
        make_crops(draw_species(0, n, seed=i), deployment=f"cam{i}", name=f"c{i}") for i, n in enumerate([80, 12, 9])
    ]

    tables, _ = look_at(*pairs)

    assert set(tables[0]["judged_against"]) == {"crops of cam0"}
    assert set(tables[1]["judged_against"]) == set(tables[2]["judged_against"]) == {"crops of 2 cameras with few"}


@pytest.mark.parametrize("n", [1, 2, 4])
def test_too_few_frames_are_not_judged_and_it_is_said(n):
    tables, scorer = look_at(
        make_crops(draw_species(0, n, seed=1), kind=CropKind.FRAME), settings=RunSettings(false_alarm_rate=0.5)
    )

    assert tables[0]["score"].tolist() == [0.0] * n
    assert tables[0]["p_value"].tolist() == [1.0] * n
    assert not tables[0]["flagged"].any()
    assert tables[0]["judged_against"].str.contains("too few to judge").all()
    assert scorer.notes == (f"Whole frames of north: {n}, too few to score; none is flagged.",)


@pytest.mark.parametrize("n", [5, 6, 19, 21])
def test_small_folders_are_judged_without_a_crash(n):
    rows = np.concatenate([draw_species(0, n - 1, seed=1, spread=0.3), draw_species(8, 1, seed=2)])

    (table,), _ = look_at(make_crops(rows))

    assert np.isfinite(table["score"]).all()
    assert table["score"].idxmax() == n - 1


def test_crops_that_are_all_alike_are_all_usual():
    (table,), _ = look_at(make_crops(np.tile(draw_species(0, 1, seed=1), (50, 1))))

    np.testing.assert_allclose(table["score"], 0, atol=1e-6)
    assert np.isfinite(table["p_value"]).all()


def test_a_crop_without_a_usable_embedding_is_looked_at_first_and_spoils_no_other():
    rows = draw_species(0, 60, seed=1, spread=0.5)
    rows[7] = np.nan

    (table,), _ = look_at(make_crops(rows))

    assert np.isfinite(table["score"]).all()
    assert table["score"].idxmax() == 7
    assert table["flagged"][7]


def test_crops_of_one_photo_do_not_vouch_for_each_other():
    """Ten crops of one photo, all of a herd of strange animals, near-equal: others must judge them."""
    rows = np.concatenate([draw_species(0, 90, seed=1, spread=0.7), np.tile(draw_species(8, 1, seed=2), (10, 1))])
    photos = [f"p{i}" for i in range(90)] + ["herd"] * 10

    (table,), _ = look_at(make_crops(rows, photos=photos))

    assert table["score"].to_numpy()[90:].min() > table["score"].to_numpy()[:90].max()


def test_a_single_photo_has_nobody_to_be_judged_by():
    (table,), scorer = look_at(make_crops(draw_species(0, 30, seed=1), photos=["only"] * 30))

    assert not table["flagged"].any()
    assert "too few to score" in scorer.notes[0]


def test_an_empty_run_gives_empty_tables():
    tables, _ = look_at(make_crops(np.empty((0, 24))))

    assert tables[0].columns.tolist() == COLUMNS
    assert look_at()[0] == []


def test_of_a_very_large_group_a_sample_is_the_measure_and_it_is_said(monkeypatch):
    monkeypatch.setattr(first_look, "MOST_REFERENCES", 300)
    monkeypatch.setattr(first_look, "LEAST_REFERENCES", 100)
    rows, odd = make_season(40)

    (table,), scorer = look_at(make_crops(rows))

    assert scorer.notes == ("Crops of north: 590, compared with 300 of them, chosen at random.",)
    assert compute_auroc(table["score"].to_numpy(), novel=odd) > 0.97


def test_the_species_shown_is_the_detectors_class_unless_that_says_nothing():
    pairs = [
        make_crops(draw_species(0, 30, seed=1), detector_class=name, name=name or "none")
        for name in ("animal", "", "sheep", "cow")
    ]

    tables, _ = look_at(*pairs, settings=RunSettings(species_table='{"sheep": "deer"}'))

    assert [set(table["species"]) for table in tables] == [{""}, {""}, {"deer"}, {"cow"}]


@pytest.mark.parametrize(("n", "k"), [(14, 3), (30, 6), (57, 8), (120, 12)])
def test_the_neighbour_that_counts_is_that_of_a_plain_loop(n, k):
    raw, photos = draw_species(0, n, seed=1), [f"p{i // 2}" for i in range(n)]
    model = OutlierModel.fit(raw, photos, sections=SECTIONS)
    rows = model.views[0].references
    expected = []
    for i in range(n):
        others = sorted(1 - float(rows[i] @ rows[j]) for j in range(n) if photos[j] != photos[i])
        expected.append(others[k - 1])

    np.testing.assert_allclose(model.views[0].neighbours, sorted(expected), atol=1e-5)


@pytest.mark.parametrize(("n", "few"), [(4, (1, 1, 1)), (40, (8, 8, 8)), (120, (9, 11, 14))])
def test_the_joining_heights_are_those_of_a_plain_loop(n, few):
    points = np.random.default_rng(2).normal(size=(n, 3))
    merges = linkage(points, method="ward")
    members = [{i} for i in range(n)]
    expected = np.zeros((len(SMALL_SHARES), n))
    for a, b, height, _ in merges:
        for side in (members[int(a)], members[int(b)]):
            for row, most in enumerate(few):
                if len(side) <= most:
                    for point in side:
                        expected[row, point] = max(expected[row, point], height)
        members.append(members[int(a)] | members[int(b)])

    np.testing.assert_allclose(find_joining_heights(points), expected, rtol=1e-5)


def test_a_crop_that_was_not_fitted_is_scored_like_its_double_among_the_fitted_ones():
    rows, photos = draw_species(0, 60, seed=1), [f"p{i}" for i in range(60)]
    model = OutlierModel.fit(rows, photos, sections=SECTIONS)

    np.testing.assert_allclose(model.score_samples(rows[:9], photos[:9]), model.score_samples(rows, photos)[:9])
    # Without its own photo to leave out, a crop is nearer to the group by one neighbour at most.
    assert (model.score_samples(rows, ["new"] * 60) <= model.score_samples(rows, photos) + 1e-6).all()


def test_crops_that_are_all_alike_get_one_score():
    model = OutlierModel.fit(np.ones((12, sum(SECTIONS))), [f"p{i}" for i in range(12)], sections=SECTIONS)

    assert len(set(model.score_samples(np.ones((12, sum(SECTIONS))), ["p"] * 12).round(6))) == 1


def test_a_crop_with_a_number_that_is_not_finite_is_scored_all_the_same():
    rows = draw_species(0, 30, seed=1)
    rows[3, 0] = np.nan
    photos = [f"p{i}" for i in range(30)]

    assert np.isfinite(OutlierModel.fit(rows, photos, sections=SECTIONS).score_samples(rows, photos)).all()


def test_one_photo_is_not_enough_to_learn_from():
    with pytest.raises(ValueError, match="two photos"):
        OutlierModel.fit(draw_species(0, 5, seed=1), ["p"] * 5, sections=SECTIONS)


def test_embeddings_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 24\)"):
        OutlierModel.fit(np.ones((3, 5)), ["a", "b", "c"], sections=SECTIONS)
