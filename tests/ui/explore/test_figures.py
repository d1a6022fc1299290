"""Colours and figures of the Explore page: tables in, figures out."""

import numpy as np
import pandas as pd
import pytest

from ui.scatter.charts import (
    build_day_figure,
    build_hour_figure,
    build_k_distance_figure,
    build_noise_share_figure,
    build_score_figure,
    find_threshold,
    thin_scores,
)
from ui.scatter.colours import (
    COLOUR_WORDS,
    MOST_GUESSES,
    NO_GUESS,
    OTHER_GUESSES,
    SCALE_STEPS,
    colour_points,
    list_cluster_marks,
)
from ui.shared.palettes import COLOURS, MARKS, ODD, pick_mark
from ui.shared.words import name_crop


def make_facts(n: int = 40, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n)
    times = pd.Series(pd.date_range("2026-05-01", periods=n, freq="5h"))
    return pd.DataFrame(
        {
            "species": rng.choice(["fox", "hare", ""], n, p=[0.6, 0.3, 0.1]),
            "kind": "detection",
            "detector_class": "animal",
            "score": scores,
            "p_value": np.clip(0.5 - scores / 4, 0.001, 1),
            "flagged": scores > 1.2,
            "verdict": rng.choice(["", "anomaly", "normal", "unsure"], n),
            "deployment": rng.choice(["north", "south"], n),
            "captured_at": times,
            "first_run": "spring",
            "guess": rng.choice(["red fox", "hare", "no animal", ""], n),
        }
    )


@pytest.mark.parametrize("by", [by for by in COLOUR_WORDS if by != "cluster"])
def test_every_crop_has_a_colour_and_the_counts_add_up(by):
    facts = make_facts()
    found = colour_points(facts, by)
    assert found.codes.shape == (len(facts),)
    assert found.codes.max() < len(found.groups)
    if not found.scale:
        assert [group.n for group in found.groups] == np.bincount(found.codes, minlength=len(found.groups)).tolist()


def test_the_most_frequent_species_comes_first_and_a_crop_without_one_is_what_the_detector_said_or_a_whole_frame():
    facts = pd.DataFrame(
        {
            "species": ["hare", "fox", "fox", "", "", ""],
            "kind": ["detection", "detection", "frame", "frame", "detection", "detection"],
            "detector_class": ["animal", "animal", "", "", "animal", ""],
        }
    )
    names = ["hare", "fox", "fox", "Whole frame", "animal", "Detection"]
    found = colour_points(facts, "species")
    assert found.groups[0].name == "fox"
    assert [found.groups[code].name for code in found.codes] == names
    rows = zip(facts["species"], facts["kind"], facts["detector_class"], strict=True)
    assert [name_crop(name, kind=kind, detector_class=said) for name, kind, said in rows] == names


def test_rare_guesses_share_one_quiet_colour_at_the_end_of_the_legend():
    many = [f"animal {k:02d}" for k in range(MOST_GUESSES + 5) for _ in range(40 - k)]
    found = colour_points(pd.DataFrame({"guess": [*many, "", ""]}), "guess")
    assert [group.name for group in found.groups[:2]] == ["animal 00", "animal 01"]
    assert [(group.name, group.n) for group in found.groups[MOST_GUESSES:]] == [
        (OTHER_GUESSES, sum(40 - k for k in range(MOST_GUESSES, MOST_GUESSES + 5))),
        (NO_GUESS, 2),
    ]
    assert found.groups[found.codes[-1]].name == NO_GUESS


def test_a_single_rarest_guess_keeps_its_name():
    found = colour_points(pd.DataFrame({"guess": [f"animal {k:02d}" for k in range(MOST_GUESSES + 1)]}), "guess")
    assert len(found.groups) == MOST_GUESSES + 1
    assert OTHER_GUESSES not in {group.name for group in found.groups}


def test_odd_scores_and_small_p_values_lie_at_the_odd_end_of_the_scale():
    facts = make_facts(200)
    by_score = colour_points(facts, "score").codes
    by_p_value = colour_points(facts, "p_value").codes
    assert by_score[facts["score"].argmax()] == by_p_value[facts["p_value"].argmin()] == SCALE_STEPS - 1
    assert by_score[facts["score"].argmin()] == 0


def test_a_crop_without_score_or_time_is_drawn_too():
    facts = make_facts(6).assign(score=np.nan, p_value=np.nan, captured_at=pd.NaT)
    assert colour_points(facts, "score").codes.tolist() == [0] * 6
    assert colour_points(facts, "p_value").codes.tolist() == [0] * 6
    hours = colour_points(facts, "hour")
    assert [hours.groups[code].label for code in hours.codes] == ["time unknown"] * 6


def test_no_crops_have_no_colours():
    assert len(colour_points(make_facts(0), "species").groups) == 0


def test_what_points_cannot_be_coloured_by_is_refused():
    with pytest.raises(ValueError, match="got 'weather'"):
        colour_points(make_facts(), "weather")


# How a colour looks to eyes without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
COLOUR_BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def to_lab(colour: str, matrix) -> np.ndarray:
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", ["full", *COLOUR_BLIND])
@pytest.mark.parametrize("theme", [0, 1])
def test_colours_of_one_mark_are_told_apart_by_every_kind_of_eye(sight, theme):
    matrix = np.eye(3) if sight == "full" else COLOUR_BLIND[sight]
    labs = [to_lab(colours[theme], matrix) for colours in (*COLOURS, ODD)]
    apart = min(float(np.linalg.norm(a - b)) for i, a in enumerate(labs) for b in labs[:i])
    assert apart > 10  # 2.3 is a just noticeable difference side by side


def test_fifty_species_have_fifty_looks_and_noise_has_one_of_its_own():
    looks = {(mark.light, mark.symbol) for mark in map(pick_mark, range(50))}
    assert len(looks) == 50
    assert len(COLOURS) * len(MARKS) >= 50
    noise, *clusters = list_cluster_marks()
    assert noise["light"] not in {cluster["light"] for cluster in clusters}


def test_the_k_distance_curve_rises_through_all_crops_with_the_knee_on_it():
    distances = np.sort(np.random.default_rng(1).exponential(size=5_000))
    figure = build_k_distance_figure(np.append(distances, np.inf), k=10, knee=1.5)
    curve, knee = figure.data
    assert list(curve.y) == sorted(curve.y)
    assert (curve.x[0], curve.x[-1]) == (1, 5_000)
    assert len(curve.x) <= 400
    assert knee.y[0] == 1.5
    assert distances[knee.x[0] - 2] < 1.5 <= distances[knee.x[0] - 1]
    assert figure.layout.meta == {"eps_along": "y"}


def test_a_curve_without_any_finite_distance_is_empty_and_has_no_knee():
    assert len(build_k_distance_figure(np.full(4, np.inf), k=10, knee=None).data[0].x) == 0


def test_the_share_of_noise_is_in_percent():
    figure = build_noise_share_figure(np.array([0.5, 1.0, 2.0]), np.array([1.0, 0.25, 0.0]))
    assert list(figure.data[0].y) == [100, 25, 0]
    assert figure.layout.meta == {"eps_along": "x"}


def test_scores_by_species_have_the_most_frequent_on_top_and_a_line_where_flags_begin():
    facts = make_facts(300)
    figure = build_score_figure(facts, colours={"fox": "#123456"})
    names = list(dict.fromkeys(trace.y[0] for trace in figure.data))
    assert names[-1] == "fox"
    threshold = next(trace for trace in figure.data if trace.name == "threshold" and trace.y[0] == "fox")
    fox = facts[facts["species"] == "fox"]
    assert fox.loc[~fox["flagged"], "score"].max() < threshold.x[0] < fox.loc[fox["flagged"], "score"].min()
    violin = next(trace for trace in figure.data if trace.type == "violin" and trace.y[0] == "fox")
    assert len(violin.x) == len(fox)


def test_a_species_with_few_crops_is_drawn_as_points_and_one_without_flags_has_no_line():
    facts = pd.DataFrame(
        {
            "species": ["owl"] * 2,
            "kind": "detection",
            "detector_class": "",
            "score": [0.1, 0.2],
            "flagged": [False, False],
        }
    )
    figure = build_score_figure(facts, colours={})
    assert [trace.type for trace in figure.data] == ["scatter"]
    assert find_threshold(facts) is None


def test_of_very_many_scores_the_same_sample_is_drawn_and_no_flagged_one_is_missing():
    facts = make_facts(9_000)
    thinned = thin_scores(facts, most=500)
    assert len(thinned[~thinned["flagged"]]) == 500
    assert thinned["flagged"].sum() == min(facts["flagged"].sum(), 500)
    pd.testing.assert_frame_equal(thinned, thin_scores(facts, most=500))


def test_anomalies_by_hour_stand_beside_what_all_crops_lead_to_expect():
    everything = pd.Series(pd.to_datetime(["2026-05-01 03:10", "2026-05-01 03:50", "2026-05-03 20:00", None]))
    figure = build_hour_figure(everything[:1], everything)
    assert figure.data[0].y[3] == 1
    assert sum(figure.data[0].y) == 1
    assert (figure.data[1].y[3], figure.data[1].y[20]) == (0.67, 0.33)


def test_days_without_an_anomaly_stand_at_zero():
    everything = pd.Series(pd.to_datetime(["2026-05-01 03:10", "2026-05-03 20:00"]))
    figure = build_day_figure(everything[1:], everything)
    assert list(figure.data[0].x) == ["2026-05-01", "2026-05-02", "2026-05-03"]
    assert list(figure.data[0].y) == [0, 0, 1]


def test_no_times_give_an_empty_figure():
    nothing = pd.Series([pd.NaT], dtype="datetime64[ns]")
    assert sum(build_hour_figure(nothing, nothing).data[0].y) == 0
    assert len(build_day_figure(nothing, nothing).data[0].x) == 0
