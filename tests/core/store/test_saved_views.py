"""Views saved under a name."""

import pytest

from core.errors import AnomalureError
from core.store.database import Store
from core.store.saved_views import list_views, remove_view, save_view


def test_a_view_comes_back_with_its_address_the_newest_first_and_can_be_forgotten(tmp_path):
    store = Store(tmp_path / "anomalure.duckdb")
    first = save_view(store, "  the lonely \n ones ", {"run": "spring", "off": ["Größe", "red fox"]})
    second = save_view(store, "all", {"run": "spring", "map": "pca"})

    assert [view.name for view in list_views(store)] == ["all", "the lonely ones"]
    assert list_views(store)[1] == first
    assert first.address == {"run": ["spring"], "off": ["Größe", "red fox"]}

    remove_view(store, second.view_id)
    remove_view(store, second.view_id)
    assert list_views(store) == [first]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(AnomalureError, match="1 to 80 characters"):
        save_view(Store(tmp_path / "anomalure.duckdb"), name, {})


def test_two_views_of_one_name_could_not_be_told_apart(tmp_path):
    store = Store(tmp_path / "anomalure.duckdb")
    save_view(store, "Noise", {})
    with pytest.raises(AnomalureError, match="already"):
        save_view(store, "noise", {})
