"""What every export format must do, whichever it is: a new one is tested by adding its file."""

import json
import re
import zipfile
from datetime import UTC, datetime

import pytest

from core.errors import AnomalureError
from core.export.choice import Export, ExportChoice
from core.export.files import convert_labels, write_export
from core.export.formats.format import DEFAULT, Source, find_format, list_formats
from core.export.package_facts import PackageFacts
from core.export.pictures import Pictures
from core.formats.camtrap_dp.writer import Place
from core.formats.exported import EXPORT_COLUMNS, GUESS_COLUMNS, MOST_LIKE_COLUMN, PHOTO_COLUMNS
from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.records import CropKind, Decision
from core.work.meter import Cancelled
from tests.fakes.project import make_project

FORMATS = list_formats()
FACTS = PackageFacts(places={"north": Place(51.5, -3.25), "south": Place(-10, 20)}, zone="+02:00")
EVERY = ExportChoice(verdicts=())
HOSTILE = (
    '=cmd|"/c calc"!A1',
    "two\nlines, and a comma; a ] and a }",
    "'quoted' \\ and \"quoted\"",
    "\u202egpj.exe",
    "Пума \U0001f43e",
    "</script>",
)

every_format = pytest.mark.parametrize("format", FORMATS.values(), ids=list(FORMATS))


def name_file(format):
    return f"out{'' if format.is_package else format.ending}"


def read_all(path):
    """The content of all files of an export, by their names."""
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir()}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {path.name: path.read_bytes()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("export"), 12)
    rows = project.review_queue(flagged_only=False).rows
    for i, text in enumerate(HOSTILE):
        project.save_verdict(rows.iloc[i], Decision.ANOMALY, reviewer="Ada", species=text.strip(), note=text)
    return project


def hostile_row(i, text):
    row = dict.fromkeys((*EXPORT_COLUMNS, *PHOTO_COLUMNS, *GUESS_COLUMNS, MOST_LIKE_COLUMN), "")
    return row | {
        "file_name": f"{i}/{text.replace('/', '_')}.jpg",
        "captured_at": datetime(2026, 5, 1, 12, i),
        "deployment": "north",
        "event_id": f"e{i}",
        "crop_id": f"c{i}",
        "photo_id": f"p{i}",
        "kind": CropKind.DETECTION,
        "photo_width_px": 96,
        "photo_height_px": 64,
        **dict(zip(("x", "y", "width", "height"), (1.0, 2.0, 30.0, 40.0), strict=True)),
        **dict.fromkeys(("species", "verdict_species", "note", "reviewer", "detector_class"), text),
        "detector_confidence": 0.5,
        "score": 1.0,
        "p_value": 0.5,
        "flagged": True,
        "verdict": "anomaly",
        "decided_at": datetime(2026, 6, 1, tzinfo=UTC),
        "run": "r",
        "bundle": "b",
    }


@every_format
def test_a_format_says_in_words_what_it_is_and_its_name_is_that_of_its_file(format):
    assert format.label
    assert format.about.endswith(".")
    assert format.file_name
    assert format.ending.startswith(".")
    assert format.write.__module__ == f"core.export.formats.{format.name.replace('-', '_')}"


@every_format
@pytest.mark.parametrize("zipped", [False, True])
def test_every_photo_of_the_export_is_named_in_it(project, tmp_path, format, zipped):
    out = tmp_path / ("out.zip" if zipped else name_file(format))

    report = write_export(project, EVERY, out, format=format.name, facts=FACTS)

    with Export(project, EVERY) as export:
        names = {row["file_name"] for row in export.rows(by_photo=True)}
    content = b"\n".join(read_all(out).values()).decode()
    assert report.n_rows >= len(names)
    assert report.format == format.name
    assert [name for name in names if name not in content] == []
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@every_format
def test_the_file_in_a_zip_is_the_file_without_one(project, tmp_path, format):
    write_export(project, EVERY, tmp_path / name_file(format), format=format.name, facts=FACTS)
    write_export(project, EVERY, tmp_path / "out.zip", format=format.name, facts=FACTS)

    alone, zipped = read_all(tmp_path / name_file(format)), read_all(tmp_path / "out.zip")

    assert format.file_name in zipped
    assert sorted(zipped) == (sorted(alone) if format.is_package else [format.file_name])


@every_format
def test_hostile_names_and_texts_do_not_break_the_file(tmp_path, format):
    rows = [hostile_row(i, text) for i, text in enumerate(HOSTILE)]
    out = tmp_path / name_file(format)

    written = format.write(rows, out, Source(title=HOSTILE[0], detector=HOSTILE[2], facts=FACTS))

    assert written.n_rows == len(rows)
    for name, content in read_all(out).items():
        if name.endswith(".json"):
            json.loads(content)
        if name.endswith(".csv") and not format.is_package:  # no cell begins as a formula does
            assert not any(line.startswith(("=", '"=')) or ',"=' in line for line in content.decode().splitlines())
    found = read_labels(out)
    assert [photo.file_name for photo in found.photos] == [row["file_name"] for row in rows]
    # A mark that turns the order of letters is no part of a name, and a table's cell may name several species.
    one_name = [text for text in HOSTILE if not (format.name.startswith("csv") and re.search(r"[;|\n]", text))]
    assert {label.species for photo in found.photos for label in photo.labels} == {
        " ".join(text.replace("\u202e", "").split()) for text in one_name
    }


@every_format
def test_an_export_of_no_crops_is_empty_or_says_that_it_cannot_be(project, tmp_path, format):
    nothing = ExportChoice(species=("no such species",))
    out = tmp_path / name_file(format)

    if format.is_package:
        with pytest.raises(AnomalureError, match="There is nothing"):
            write_export(project, nothing, out, format=format.name, facts=FACTS)
        assert not (out / format.file_name).exists()
    else:
        assert write_export(project, nothing, out, format=format.name, facts=FACTS).n_rows == 0
        assert read_all(out)


@every_format
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("pictures", [None, Pictures.CROPS, Pictures.PHOTOS])
def test_a_stopped_export_leaves_nothing_behind_and_the_old_file_as_it_was(
    project, tmp_path, format, zipped, pictures, monkeypatch
):
    monkeypatch.setattr("core.export.files.TICK_ROWS", 1)
    monkeypatch.setattr("core.export.files.TICK_PICTURES", 1)
    out = tmp_path / ("out.zip" if zipped else name_file(format))
    old = not format.is_package or zipped
    if old:
        out.write_text("old")

    def stop(done, total):
        if total - 1 <= done < total:  # as late as can be
            raise Cancelled

    with pytest.raises(Cancelled):
        write_export(project, EVERY, out, format=format.name, facts=FACTS, pictures=pictures, on_progress=stop)

    if old:
        assert [path.name for path in tmp_path.iterdir()] == [out.name]
        assert out.read_text() == "old"
    else:  # a folder without the file that makes it a package
        assert not (out / format.file_name).exists()


@every_format
@pytest.mark.parametrize("pictures", Pictures)
def test_pictures_that_rows_point_at_lie_in_the_zip(project, tmp_path, format, pictures):
    write_export(project, EVERY, tmp_path / "out.zip", format=format.name, facts=FACTS, pictures=pictures)

    files = read_all(tmp_path / "out.zip")
    inside = [name for name in files if name.startswith(f"{pictures}/")]
    tables = b"\n".join(content for name, content in files.items() if "/" not in name).decode()
    assert inside
    if pictures in format.picture_kinds:
        assert [name for name in inside if name not in tables] == []


@every_format
def test_a_folder_that_is_not_there_is_said(project, tmp_path, format):
    (tmp_path / "file").write_text("")

    with pytest.raises(AnomalureError, match="cannot be"):
        write_export(project, EVERY, tmp_path / "file" / name_file(format), format=format.name, facts=FACTS)


@every_format
def test_labels_are_written_in_a_format_that_takes_them_and_refused_by_others(project, tmp_path, format):
    write_export(project, EVERY, tmp_path / "labels", format="camtrap-dp", facts=FACTS)
    labels = read_labels(tmp_path / "labels")
    out = tmp_path / name_file(format)

    if format.takes_labels:
        values = convert_labels(labels, out, format=format.name, facts=FACTS)
        boxed = [photo for photo in labels.photos if any(label.box for label in photo.labels)]
        assert values["photos"] == len(labels.photos if format.name == "camtrap-dp" else boxed)
        assert values["photos"] == len(read_labels(out).photos)
    else:
        with pytest.raises(AnomalureError, match="can be written as camtrap-dp or megadetector"):
            convert_labels(LabelFile(labels.photos, ()), out, format=format.name)


def test_the_default_is_listed_first():
    assert next(iter(FORMATS)) == DEFAULT


def test_a_format_that_there_is_not_is_said_with_those_that_there_are():
    with pytest.raises(AnomalureError, match=r"no export format 'xlsx'\. There are: csv, camtrap-dp, "):
        find_format("xlsx")
