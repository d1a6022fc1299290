"""What ``make run`` prepares, whether it is the first start, the second, or one after a kill."""

import functools
import shutil

import pytest

import core.sample
from commands.first_steps import SAMPLE_BUNDLE, SAMPLE_RUN, make_folder_ready, make_sample_ready
from core.maps.exploration import Exploration
from core.maps.making import PCA
from core.runs.folder import Status
from core.study.project import Project


def make_ready(project, sample):
    return make_sample_ready(project, sample, on_photos=lambda done, total: None, on_progress=lambda progress: None)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a small sample and a project, as a first start leaves them."""
    home = tmp_path_factory.mktemp("start")
    small = functools.partial(core.sample.render_season, photos_per_camera=6, train_photos_per_camera=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.sample, "render_season", small)
        patch.setattr("core.sample.season.WIDTH_PX", 320)
        patch.setattr("core.sample.season.HEIGHT_PX", 240)
        make_ready(Project(home / "project"), home / "sample")
    return home


def test_the_first_start_ends_with_a_run_by_a_bundle_and_the_second_changes_nothing(home):
    project = Project(home / "project")
    first = project.run(SAMPLE_RUN)

    again = make_ready(project, home / "sample")

    assert first.status == again.status == Status.DONE
    assert again.info.bundle == SAMPLE_BUNDLE
    assert again.counts() == first.counts()
    assert first.counts().crops > 0
    maps = Exploration(first)
    assert [maps.has(preset) for preset in (PCA, *maps.presets())] == [True] * (1 + len(maps.presets())), "for Explore"
    assert list(project.store.bundles()["name"]) == [SAMPLE_BUNDLE]
    assert len(project.runs()) == 1


def test_a_bundle_that_a_killed_start_did_not_register_is_registered(home, tmp_path):
    project = Project(tmp_path / "copy")
    shutil.copytree(home / "project" / "bundles" / SAMPLE_BUNDLE, project.bundles_dir / SAMPLE_BUNDLE)

    make_ready(project, home / "sample")

    assert list(project.store.bundles()["name"]) == [SAMPLE_BUNDLE]


def test_a_folder_of_ones_own_is_looked_at_once(home, tmp_path, detector_asked_in_vain):
    project = Project(tmp_path / "own")
    photos = home / "sample" / "images" / "season" / "waterhole"

    first = make_folder_ready(project, photos, on_progress=lambda progress: None)
    second = make_folder_ready(project, photos, on_progress=lambda progress: None)

    assert first.run_id == second.run_id
    assert second.status == Status.DONE
    assert second.info.bundle == ""
    assert Exploration(second).picture(PCA).points.shape == (second.counts().crops, 2), "what Explore shows at first"


def test_another_detector_is_another_run_and_the_same_detector_is_not(home, tmp_path, detector_asked_in_vain):
    project = Project(tmp_path / "own")
    photos = home / "sample" / "images" / "season" / "waterhole"
    look = functools.partial(make_folder_ready, project, photos, on_progress=lambda progress: None)

    first = look()
    other = look(detector="bundled")

    assert other.run_id != first.run_id
    assert look(detector="bundled").run_id == other.run_id
    assert look().run_id in (first.run_id, other.run_id)
    assert len(project.runs()) == 2
