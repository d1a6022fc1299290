"""Published models come into the cache, are what they were, and need no network once they are there."""

import hashlib
import json

import pytest

from core.downloads.asking import Patience
from core.errors import AnomalureError, WrongUsage
from models.published.cache import State, TermsNotAgreed, agree, find_path, find_state, open_files, remove_model
from models.published.entry import PublishedFile, PublishedModel
from models.published.getting import get_files
from models.published.table import find_model, get_model, list_detectors, list_encoders, list_models
from tests.fakes.file_server import CONTENT, FileServer

QUICK = Patience(tries=2, first_pause_s=0.01, longest_pause_s=0.02, connect_s=5, silence_s=0.3)
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    with FileServer() as one:
        yield one


def make_model(server, name="good.pt", *, checksum=MD5, **more):
    file = PublishedFile(name=name, address=f"{server.url}/{name}", checksum=checksum)
    values = {"kind": "detector", "loader": "yolov5", "about": "", "licence": "MIT", "files": (file,), **more}
    return PublishedModel(name="tested", **values)


def test_every_row_of_the_table_says_what_a_user_must_know_and_invents_no_checksum():
    assert len(list_models()) == len(list_detectors()) + len(list_encoders())
    for model in list_models().values():
        assert model.about.endswith(".")
        assert model.licence
        assert model.licence_address.startswith("https://")
        assert model.input_px > 0
        assert model.loader in ("yolov5", "ultralytics", "timm", "open_clip")
        assert model.terms or model.commercial is not False
        for file in model.files:
            assert file.address.startswith("https://")
            assert "/" not in file.name
            kind, _, digits = file.checksum.partition(":")
            assert not file.checksum or (kind, len(digits)) in {("md5", 32), ("sha256", 64)}
    paths = [find_path(model, file) for model in list_models().values() for file in model.files]
    assert len(set(paths)) == len(paths)


def test_any_model_of_timm_can_be_named_and_no_path_is_taken_for_one():
    assert find_model("timm/resnet18.a1_in1k").files[0].address == (
        "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"
    )
    for name in ("timm/", "timm/../x", "timm/.x", "other"):
        assert find_model(name) is None
    with pytest.raises(AnomalureError, match=r"Did you mean megadetector-v5.\?"):
        get_model("megadetector-v5")


def test_a_model_comes_once_and_then_needs_no_network(server, cache):
    model = make_model(server)
    got = get_files(model, patience=QUICK)
    assert (got.n_downloaded, got.is_checked) == (1, True)
    assert find_state(model) is State.HERE

    assert get_files(model).n_downloaded == 0
    assert open_files(model) == [cache / "detectors/good.pt"]
    assert server.asked["good.pt"] == 1


def test_a_file_put_there_by_hand_is_used_and_a_wrong_one_is_refused(server, cache):
    model = make_model(server)
    path = cache / "detectors/good.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(AnomalureError, match=f"its MD5 should be {MD5[4:]}"):
        get_files(model)

    path.write_bytes(CONTENT)
    assert open_files(model) == [path]
    assert not server.asked


def test_without_a_published_checksum_the_file_is_trusted_once_and_compared_from_then_on(server, cache):
    model = make_model(server, checksum="")
    assert not get_files(model, patience=QUICK).is_checked
    path = cache / "detectors/good.pt"
    path.write_bytes(b"exchanged")

    with pytest.raises(AnomalureError, match="has changed since it came"):
        open_files(model)

    remove_model(model)
    path.write_bytes(b"exchanged")  # who removed it first knows what they do
    assert open_files(model) == [path]


def test_a_moved_cache_is_used_as_it_is(server, cache, tmp_path, monkeypatch):
    model = make_model(server, checksum="")
    get_files(model, patience=QUICK)
    cache.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "elsewhere"))

    assert open_files(model) == [tmp_path / "elsewhere/detectors/good.pt"]


@pytest.mark.parametrize("name", ["404.pt", "dies.pt", "wrong.pt", "page.pt"])
def test_a_failed_download_names_the_address_and_the_exact_place_of_the_file(server, cache, name):
    with pytest.raises(AnomalureError) as raised:
        get_files(make_model(server, name), patience=QUICK)

    assert f"Download {server.url}/{name} and put the file here: {cache / 'detectors' / name}." in str(raised.value)


def test_a_full_disk_and_a_folder_that_is_not_writable_are_said(server, cache, monkeypatch):
    monkeypatch.setattr("core.downloads.one_file.shutil.disk_usage", lambda path: type("Disk", (), {"free": 1})())
    with pytest.raises(AnomalureError, match="not enough room for tested"):
        get_files(make_model(server), patience=QUICK)

    cache.rename(cache.with_name("away"))
    cache.write_text("a file where the folder should be")
    with pytest.raises(AnomalureError, match="cannot be written to"):
        get_files(make_model(server), patience=QUICK)


def test_terms_are_agreed_to_once_and_remembered(server):
    model = make_model(server, licence="CC BY-NC 4.0", terms="Its licence forbids commercial use.", commercial=False)
    with pytest.raises(TermsNotAgreed, match="forbids commercial use"):
        get_files(model, patience=QUICK)
    assert not server.asked

    agree(model)
    get_files(model, patience=QUICK)
    assert open_files(model)
    with pytest.raises(TermsNotAgreed):
        open_files(make_model(server, licence="another one", terms="New terms."))


def test_copies_on_a_server_of_ones_own_are_checked_in_the_same_way(server, cache):
    file = PublishedFile(name="good.pt", address="https://example.org/good.pt", checksum=MD5)
    model = make_model(server, files=(file,))
    assert get_files(model, copies=f"{server.url}/copies/", patience=QUICK).is_checked

    remove_model(model)
    server.content = b"not it"
    with pytest.raises(AnomalureError, match="its checksum is wrong"):
        get_files(model, copies=server.url, patience=QUICK)
    with pytest.raises(WrongUsage, match="--from is the web address"):
        get_files(model, copies="copies")


def test_removing_leaves_nothing_and_says_how_much_it_was(server, cache):
    model = make_model(server)
    get_files(model, patience=QUICK)

    assert remove_model(model) == pytest.approx(len(CONTENT) / 1e6)
    assert list((cache / "detectors").iterdir()) == []
    with pytest.raises(AnomalureError, match="Nothing of tested"):
        remove_model(model)


def test_what_is_recorded_of_a_file_is_readable(server, cache):
    get_files(make_model(server), patience=QUICK)
    receipt = json.loads((cache / "detectors/good.pt.receipt.json").read_text())
    assert receipt["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert receipt["address"] == f"{server.url}/good.pt"
