"""What every one-class method must do, whichever it is: a new one is tested by adding its file."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from models.one_class.methods import DEFAULT, fit_one_class, list_one_class, name_method, read_one_class
from models.one_class.scored_rows import pack_arrays
from tests.fakes.scored_crops import unit_rows

METHODS = list_one_class()
FIT_ROWS = 200

every_method = pytest.mark.parametrize("name", METHODS)


def save_and_load(model):
    return read_one_class(model.to_bytes(), name=name_method(model), n_rows=model.n_rows, form=model.form)


@every_method
def test_a_method_says_in_words_what_it_is_and_when_to_choose_it(name):
    method = METHODS[name]

    assert method.label[0].isupper()
    assert method.about.endswith(".")
    assert fit_one_class(unit_rows(FIT_ROWS, seed=1), name=name).words


@every_method
def test_strange_crops_score_higher_than_those_of_the_species(name):
    model = fit_one_class(unit_rows(FIT_ROWS, seed=1), name=name)

    own, strange = model.score_samples(unit_rows(40, seed=2)), model.score_samples(unit_rows(40, seed=3, around=5))

    assert (model.n_rows, model.n_features) == (FIT_ROWS, 12)
    assert np.isfinite(strange).all()
    assert np.median(own) < np.quantile(strange, 0.1)


@every_method
def test_neither_the_order_of_crops_nor_their_company_changes_a_score(name):
    model = fit_one_class(unit_rows(FIT_ROWS, seed=1), name=name)
    asked = unit_rows(50, seed=2, around=3)
    order = np.random.default_rng(0).permutation(50)

    scores = model.score_samples(asked)

    np.testing.assert_allclose(model.score_samples(asked[order]), scores[order], rtol=1e-5)
    np.testing.assert_allclose(model.score_samples(asked[7:8]), scores[7:8], rtol=1e-5)


@every_method
def test_more_crops_than_are_scored_at_once_have_the_same_scores(name, monkeypatch):
    model = fit_one_class(unit_rows(FIT_ROWS, seed=1), name=name)
    asked = unit_rows(50, seed=2, around=3)
    whole = model.score_samples(asked)

    monkeypatch.setattr(type(model), "chunk_rows", 7)

    np.testing.assert_allclose(model.score_samples(asked), whole, rtol=1e-5)


@every_method
def test_no_input_is_modified(name):
    rows, asked = unit_rows(FIT_ROWS, seed=1), unit_rows(9, seed=2)
    before = rows.copy(), asked.copy()

    fit_one_class(rows, name=name).score_samples(asked)

    np.testing.assert_array_equal(rows, before[0])
    np.testing.assert_array_equal(asked, before[1])


@every_method
def test_the_same_rows_and_seed_give_the_same_model(name):
    rows, asked = unit_rows(FIT_ROWS, seed=1), unit_rows(9, seed=2)

    one, other = (fit_one_class(rows, name=name, seed=3).score_samples(asked) for _ in range(2))

    np.testing.assert_array_equal(one, other)


@every_method
def test_a_saved_model_gives_the_same_scores_when_loaded(name):
    model = fit_one_class(unit_rows(FIT_ROWS, seed=1), name=name)
    asked = unit_rows(9, seed=2, around=3)

    again = save_and_load(model)

    assert name_method(again) == name
    assert (again.words, again.n_rows, again.n_features) == (model.words, model.n_rows, model.n_features)
    np.testing.assert_array_equal(again.score_samples(asked), model.score_samples(asked))


@every_method
@pytest.mark.parametrize("n", [1, 4])
def test_with_too_few_crops_a_species_has_their_mean_and_the_model_says_so(name, n):
    model = fit_one_class(unit_rows(n, seed=1), name=name)

    assert model.words == "mean of its crops (few crops)"
    assert name_method(model) == "ocsvm"
    assert save_and_load(model).words == model.words


@every_method
def test_the_fewest_rows_that_a_method_says_are_enough_are(name):
    model = fit_one_class(unit_rows(METHODS[name].least_rows, seed=1), name=name)

    assert name_method(model) == name
    assert np.isfinite(model.score_samples(unit_rows(3, seed=2))).all()


@every_method
@pytest.mark.filterwarnings("ignore:The covariance matrix:UserWarning")
def test_crops_that_are_all_alike_can_be_learned_and_nothing_is_less_strange_than_they(name):
    alike = np.tile(unit_rows(1, seed=1), (FIT_ROWS, 1))
    model = fit_one_class(alike, name=name)

    own, strange = model.score_samples(np.concatenate([alike[:1], unit_rows(1, seed=2, around=5)]))

    assert np.isfinite([own, strange]).all()
    assert strange >= own  # no cut of an isolation forest can tell apart what is all alike


@every_method
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_in_a_sentence(name, bad):
    rows = unit_rows(FIT_ROWS, seed=1)
    model = METHODS[name].fit(rows)
    rows[3, 4] = bad

    with pytest.raises(ValueError, match="rows must be finite"):
        METHODS[name].fit(rows)
    with pytest.raises(ValueError, match="rows must be finite"):
        model.score_samples(rows)


@every_method
@pytest.mark.parametrize("rows", [np.ones((0, 4), np.float32), np.ones(4, np.float32)], ids=["none", "flat"])
def test_rows_that_nothing_can_be_learned_from_are_refused(name, rows):
    with pytest.raises(ValueError, match=r"shape \(n, d\)"):
        METHODS[name].fit(rows)


@every_method
@pytest.mark.parametrize("shape", [(3, 5), (12,)])
def test_rows_of_another_width_are_refused(name, shape):
    with pytest.raises(ValueError, match=r"\(n, 12\)"):
        METHODS[name].fit(unit_rows(FIT_ROWS)).score_samples(np.ones(shape, np.float32))


@every_method
def test_no_crops_to_score_give_no_scores(name):
    model = METHODS[name].fit(unit_rows(FIT_ROWS))

    assert model.score_samples(np.empty((0, 12), np.float32)).shape == (0,)


@every_method
@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", pickle.dumps({"a": 1}), pack_arrays({"rows": np.ones(3)})],
    ids=["empty", "text", "pickle", "other arrays"],
)
def test_a_file_that_is_no_such_model_is_refused(name, content):
    with pytest.raises(ValueError, match=r"model|dimensions|machine"):
        read_one_class(content, name=name, n_rows=1, form="exact")


@every_method
def test_the_file_of_another_method_is_refused(name):
    other = next(one for one in METHODS if one != name)

    with pytest.raises(ValueError, match=r"model|dimensions|machine"):
        read_one_class(fit_one_class(unit_rows(FIT_ROWS), name=other).to_bytes(), name=name, n_rows=1, form="exact")


def test_the_default_is_listed_first():
    assert next(iter(METHODS)) == DEFAULT


def test_asking_for_help_on_training_loads_no_learning_library():
    code = (
        "import sys, cli\n"
        "try: cli.main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'sklearn', 'openvino', 'ultralytics') if name in sys.modules])"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.splitlines()[-1] == "[]"
    assert all("".join(method.label.split()) in "".join(said.split()) for method in METHODS.values())
