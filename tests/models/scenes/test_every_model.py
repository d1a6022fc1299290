"""What every model of scenes must do, and what the masked one must do better."""

import json
from contextlib import contextmanager

import numpy as np
import pytest
import safetensors.numpy

from core.errors import AnomalureError, FileFormatError
from core.scenes.findings import to_probability
from core.scenes.scene_set import make_scene_set
from models.scenes import masked
from models.scenes.experiment import list_contestants, run_experiment, summarise
from models.scenes.methods import list_scene_models
from models.scenes.model import FitSettings, check_loss
from models.scenes.trained import TrainedScenes
from models.scenes.training import fit_scene_model, train_scenes
from tests.fakes.scenes import make_events, make_scenes

METHODS = list_scene_models()
every_model = pytest.mark.parametrize("name", METHODS)
SETTINGS = FitSettings(bottleneck=2, seed=1)
STEPS = 30


@contextmanager
def train_shortly():
    with pytest.MonkeyPatch.context() as patch:
        for module in ("masked", "autoencoder"):
            patch.setattr(f"models.scenes.{module}.EPOCHS", 1)
            patch.setattr(f"models.scenes.{module}.LEAST_STEPS", STEPS)
        yield


@pytest.fixture
def short_training():
    """For tests of what holds for a model however well it has learned: a whole training takes seconds."""
    with train_shortly():
        yield


@every_model
def test_a_model_says_in_words_what_it_is(name):
    assert METHODS[name].label[0].isupper()
    assert METHODS[name].about.endswith(".")


@every_model
@pytest.mark.parametrize("make", [make_scenes, make_events], ids=["photos", "events"])
def test_a_trained_model_is_kept_in_a_file_and_finds_the_same_again(name, make, tmp_path, short_training):
    scenes = make(200)
    trained = train_scenes(scenes, method=name, settings=SETTINGS, by="event", left_out=["person"], notes=["A note."])

    trained.save(tmp_path / "m.safetensors")
    again = TrainedScenes.load(tmp_path / "m.safetensors")

    assert again.describe() == trained.describe()
    assert again.describe()["method"] == name
    np.testing.assert_array_equal(again.model.predict(scenes), trained.model.predict(scenes))
    assert again.find(scenes, rate=0.1).equals(trained.find(scenes, rate=0.1))


@every_model
def test_neither_the_order_of_scenes_nor_how_many_are_scored_at_once_changes_a_score(name, monkeypatch, short_training):
    scenes = make_scenes(100)
    model = fit_scene_model(scenes, name, SETTINGS)
    order = np.random.default_rng(0).permutation(100)
    whole = model.predict(scenes)

    for module in ("masked", "autoencoder"):
        monkeypatch.setattr(f"models.scenes.{module}.CHUNK_SCENES", 7)

    np.testing.assert_allclose(model.predict(scenes.take(order)), whole[order], rtol=1e-4, atol=1e-5)


@every_model
def test_the_promised_rate_holds_on_held_out_scenes(name):
    trained = train_scenes(make_scenes(8000, seed=1), method=name, settings=SETTINGS)
    assert len(trained.calibration.unexpected) == 1600

    found = trained.find(make_scenes(2000, seed=2), rate=0.1)

    for _, of_kind in found.groupby("kind"):
        assert of_kind["scene"].nunique() / 2000 <= 0.12


@pytest.mark.parametrize("make", [make_scenes, make_events], ids=["photos", "events"])
def test_the_masked_model_predicts_as_if_the_class_and_its_several_were_taken_out(make, short_training):
    scenes = make(60)
    model = fit_scene_model(scenes, "masked", SETTINGS)
    features = masked.describe_scenes(scenes, model.cameras).toarray()
    there = scenes.present.toarray()

    expected = np.empty(there.shape)
    for i in range(len(scenes)):
        for c in range(there.shape[1]):
            x = features[i].copy()
            x[c] = 0
            for more in np.flatnonzero(scenes.several_of == c):
                # "2 or more" of what is there is taken out with it; of what is not there, it is not there either.
                x[more] = 0
            hidden = np.maximum(x @ model.inner + model.offset, 0)
            expected[i, c] = x @ model.straight[:, c] + model.base[c] + hidden @ model.outer[:, c]

    np.testing.assert_allclose(model.predict(scenes), expected, rtol=1e-3, atol=1e-4)


def test_an_odd_class_is_unexpected_and_a_left_out_one_is_missing():
    trained = train_scenes(make_scenes(2400))
    odd = make_scene_set(["kitchen bus", "no fork", "zebra"], [dict.fromkeys(names, 1) for names in (
        ("cup", "fork", "oven", "bus"), ("cup", "oven"), ("cup", "fork", "oven", "zebra")
    )])  # fmt: skip

    found = trained.find(odd, rate=0.05)

    said = {(odd.names[row["scene"]], row["class"], row["kind"]) for row in found.to_dict("records")}
    assert ("kitchen bus", "bus", "unexpected") in said
    assert ("zebra", "zebra", "unexpected") in said
    never_seen = found[found["class"] == "zebra"].iloc[0]
    assert (never_seen["probability"], never_seen["p_value"]) == (0, 0)
    p_fork = to_probability(trained.model.predict(odd.align(trained.classes, trained.several_of)[0]))[1]
    assert p_fork[trained.classes.index("fork")] == pytest.approx(0.85, abs=0.1)


def test_beside_nothing_but_unknown_classes_nothing_is_said_to_be_missing(short_training):
    trained = train_scenes(make_scenes(400))

    found = trained.find(make_scene_set(["x"], [{"zebra": 1}]), rate=1.0)

    assert found["kind"].tolist() == ["unexpected"]


def test_what_is_ordinary_at_one_camera_and_hour_is_unexpected_at_another():
    trained = train_scenes(make_events(2400), by="event")
    events = make_events(2400)
    asked = [
        next(i for i in range(len(events)) if events.cameras[i] == "north" and events.hours[i] >= 21),
        next(i for i in range(len(events)) if events.cameras[i] == "south"),
    ]
    badger = events.classes.index("badger")

    odds = trained.model.predict(events.take(np.array(asked)))[:, badger]

    assert to_probability(odds[0]) > 0.9
    assert to_probability(odds[1]) < 0.02


def test_a_new_camera_and_a_photo_without_a_time_can_be_scored(short_training):
    trained = train_scenes(make_events(400), by="event")
    new = make_scene_set(["x"], [{"deer": 1}], cameras=["west"], times=[None])

    assert np.isfinite(trained.model.predict(new.align(trained.classes, trained.several_of)[0])).all()


def test_the_masked_model_beats_the_control_and_the_autoencoder_where_it_should():
    results = run_experiment(make_scenes(900), contestants=list_contestants([2, 5]), n_seeds=2)

    rows = {row["model"]: row for row in summarise(results)}
    assert set(rows) == {"base_rates", "autoencoder 2", "autoencoder 5", "masked"}
    for figure in ("uniform_most_anomalous", "removed_most_missed"):
        others = [row[figure] for name, row in rows.items() if name != "masked"]
        assert rows["masked"][figure] >= max(others) - 0.02


def test_progress_is_counted_over_all_fits_and_can_stop_the_training(short_training):
    seen = []
    train_scenes(make_scenes(60), settings=FitSettings(on_step=lambda done, total: seen.append((done, total))))

    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_scenes(make_scenes(60), settings=FitSettings(on_step=stop))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([{"cup": 1, "fork": 1}], "at least 20 scenes, got 1"),
        ([{"cup": 1}] * 30, "at least 2 classes, got cup"),
        ([{"cup": 1, "fork": 1}] * 30, "have the same classes"),
    ],
    ids=["one scene", "one class", "all alike"],
)
def test_scenes_that_nothing_can_be_learned_from_are_refused(members, says):
    with pytest.raises(AnomalureError, match=says):
        train_scenes(make_scene_set([str(i) for i in range(len(members))], members))


def test_a_class_in_every_scene_or_in_none_is_said_and_does_no_harm(short_training):
    scenes = make_scenes(200)
    with_both = make_scene_set(
        scenes.names, [{**{scenes.classes[j]: 1 for j in scenes.present[[i]].indices}, "sky": 1} for i in range(200)]
    )
    columns, _ = with_both.align((*with_both.classes, "yeti"), np.full(len(with_both.classes) + 1, -1))

    trained = train_scenes(columns)

    assert any("In every scene: sky" in note for note in trained.notes)
    assert any("In no scene: yeti" in note for note in trained.notes)
    assert np.isfinite(trained.model.predict(columns)).all()


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_training_whose_loss_is_no_number_ends_in_a_sentence(loss):
    with pytest.raises(AnomalureError, match="no longer a number"):
        check_loss(loss)


@pytest.mark.parametrize("method", ["masked", "autoencoder"])
def test_a_training_that_runs_away_makes_no_model(method, monkeypatch):
    monkeypatch.setattr(f"models.scenes.{method}.LEARNING_RATE", float("inf"))

    with pytest.raises(AnomalureError, match="no longer a number"):
        train_scenes(make_scenes(60), method=method)


def test_a_bottleneck_that_cannot_be_is_refused():
    with pytest.raises(AnomalureError, match="between 1 and 16, got 17"):
        train_scenes(make_scenes(60), method="autoencoder", settings=FitSettings(bottleneck=17))


def change(content, **changes):
    """A model file with other values in its description, or other arrays."""
    arrays = safetensors.numpy.load(content)
    about = json.loads(
        json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["anomalure-scenes"]
    )
    arrays |= {name: value for name, value in changes.items() if isinstance(value, np.ndarray)}
    about |= {name: value for name, value in changes.items() if not isinstance(value, np.ndarray)}
    return safetensors.numpy.save(arrays, metadata={"anomalure-scenes": json.dumps(about)})


@pytest.fixture(scope="module")
def good_file(tmp_path_factory):
    """The bytes of a model of few scenes."""
    path = tmp_path_factory.mktemp("good") / "m.safetensors"
    with train_shortly():
        train_scenes(make_scenes(60)).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda good: b"", "not a model of scenes"),
        (lambda good: b"\x80\x04\x95cos\nsystem\n", "not a model of scenes"),
        (lambda good: good[: len(good) // 2], "not a model of scenes"),
        (lambda good: safetensors.numpy.save({"x": np.zeros(3)}), "of something else"),
        (lambda good: change(good, version=9), "version 9"),
        (lambda good: change(good, method="oracle"), "oracle"),
        (lambda good: change(good, classes=["only one"]), "does not fit"),
        (lambda good: change(good, classes="cup"), "list of texts"),
        (lambda good: change(good, cameras=["north"]), "1 cameras"),
        (lambda good: change(good, base=np.full(7, np.nan, dtype=np.float32)), "finite"),
        (lambda good: change(good, several_of=np.full(7, 99)), "several_of"),
        (lambda good: change(good, **{"calibration.missing": np.array([np.nan])}), "calibration"),
    ],
)
def test_a_foreign_or_damaged_file_is_a_sentence_and_runs_no_code(spoil, says, tmp_path, good_file):
    path = tmp_path / "m.safetensors"
    path.write_bytes(spoil(good_file))

    with pytest.raises(FileFormatError, match=says):
        TrainedScenes.load(path)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(FileFormatError, match="train the model again"):
        TrainedScenes.load(tmp_path / "none.safetensors")
