"""Names that are not valid text are shown with a mark and refused in a sentence."""

import pytest

from core.disk.names import check_name_is_text, is_text, show_name
from core.errors import AnomalureError
from core.photos.reading import find_photos
from core.work.folder import WorkFolder
from models.jobs.run import RunRequest


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Fl\udce4che", "Fl\ufffdche"), ("Fläche", "Fläche"), ("山\U0001f98a", "山\U0001f98a"), ("", "")],
)
def test_a_name_is_shown_with_a_mark(name, shown):
    assert (show_name(name), is_text(name)) == (shown, name == shown)


def test_a_folder_of_such_a_name_is_refused_before_anything_is_made(tmp_path):
    bad = tmp_path / "Fl\udce4che"
    work = WorkFolder(tmp_path / "runs" / "r")

    with pytest.raises(AnomalureError, match="Fl\ufffdche is not valid text"):
        check_name_is_text(bad)
    with pytest.raises(AnomalureError, match="not valid text"):
        find_photos(bad)
    with pytest.raises(AnomalureError, match="not valid text: a name in it was written in another encoding"):
        work.ask(RunRequest(name="r", folder=bad))
    assert not work.path.exists()
