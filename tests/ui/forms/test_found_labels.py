"""Label files near the photos are offered for one click."""

import os

import pytest

from ui.forms.found_labels import _list_labels


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are not text")
def test_a_file_whose_name_is_not_valid_text_is_not_offered(tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,species\n")
    try:
        (tmp_path / os.fsdecode(b"l\xe4bels.csv")).write_text("file_name,species\n")
    except OSError:
        pytest.skip("this disk takes no such names")

    assert _list_labels(tmp_path) == [tmp_path / "labels.csv"]
