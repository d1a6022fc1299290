"""A bundle is whole or not there, never changes, and judges a run the same after it was closed and opened."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import AnomalureError, BundleError
from core.records import CropKind, JudgedBy
from core.settings.run import RunSettings
from models.bundles.bundle import CALIBRATION, CARD, FORMAT, MANIFEST, NORMALISERS, Bundle, list_bundles, now_utc
from models.bundles.scorer import UNSEEN_SPECIES_OFFSET, BundleScorer
from models.encoders.spec import EncoderSpec
from models.judging.judge import fit_judge
from tests.fakes.scored_crops import SECTIONS, Shards, draw_species, make_crops

SIZES = {"deer": 150, "Fuchs/лиса: *?": 100, "CON": 60}


def make_bundle(*, encoders: tuple[EncoderSpec, ...] = (EncoderSpec(weights="none"),), sizes: dict[str, int] = SIZES):
    rows = np.concatenate([draw_species(i, n, seed=i) for i, n in enumerate(sizes.values())])
    kinds = [name for name, n in sizes.items() for _ in range(n)]
    judge = fit_judge(rows, kinds, [f"p{i}" for i in range(len(rows))], sections=SECTIONS)
    frames = draw_species(20, 50, seed=3)
    camera = fit_judge(frames, ["north"] * 50, [f"p{i}" for i in range(50)], sections=SECTIONS)
    return Bundle(
        name="first",
        created_at=now_utc(),
        encoders=encoders,
        sections=SECTIONS,
        detector="bundled",
        settings=RunSettings(crop_margin=0.1),
        species_judge=judge,
        camera_judges={"north": camera},
        counts=sizes,
        notes=("3 photos are not in the folder.",),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    return make_bundle().write(tmp_path_factory.mktemp("bundles"), card="# A card\n").path


@pytest.fixture
def bundle_dir(written, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(written, tmp_path / "first"))


def rewrite(folder: Path, change) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def test_a_bundle_comes_back_as_it_was(written):
    bundle, again = make_bundle(), Bundle.load(written)

    assert again.species == tuple(sorted(SIZES))
    assert dict(again.counts) == SIZES
    assert again.settings == bundle.settings
    assert again.encoders == bundle.encoders
    assert again.notes == bundle.notes
    assert again.path == written
    assert json.dumps(again.to_values())
    rows = draw_species(1, 30, seed=70)
    for ours, theirs in (
        (bundle.species_judge, again.species_judge),
        (bundle.camera_judges["north"], again.camera_judges["north"]),
    ):
        np.testing.assert_array_equal(theirs.judge(rows).scores, ours.judge(rows).scores)
        np.testing.assert_array_equal(theirs.judge(rows).p_values, ours.judge(rows).p_values)
    np.testing.assert_array_equal(
        again.species_judge.judge_as(rows, "deer").p_values, bundle.species_judge.judge_as(rows, "deer").p_values
    )


def test_a_bundle_of_the_first_format_still_judges_as_it_did(written, bundle_dir):
    def make_old(manifest):
        manifest["format"] = 1
        for judge in (manifest["species"], *manifest["cameras"].values()):
            for kind in judge["kinds"]:
                assert kind.pop("one_class") == "ocsvm"
        for key in ("one_class", "components"):
            del manifest[key]
        manifest.pop("training_rows", None)

    rewrite(bundle_dir, make_old)
    rows = draw_species(1, 30, seed=70)

    old = Bundle.load(bundle_dir)

    assert old.one_class == "ocsvm"
    assert old.components == 0
    expected = Bundle.load(written).species_judge.judge(rows)
    np.testing.assert_array_equal(old.species_judge.judge(rows).p_values, expected.p_values)


def test_its_files_have_names_that_any_system_takes_and_none_is_a_pickle(written):
    names = sorted(path.name for path in written.iterdir())

    assert names == [
        CARD,
        MANIFEST,
        CALIBRATION,
        "camera-000-000.skops",
        NORMALISERS,
        "species-000.skops",
        "species-001.skops",
        "species-002.skops",
    ]


def test_no_other_file_is_left_where_it_was_written(written):
    assert [path.name for path in written.parent.iterdir()] == ["first"]
    assert list_bundles(written.parent) == ["first"]


def test_an_existing_bundle_is_never_changed(tmp_path):
    made = make_bundle(sizes={"deer": 30}).write(tmp_path, card="one")
    before = {path.name: path.read_bytes() for path in made.path.iterdir()}

    with pytest.raises(BundleError, match="named first already, and a bundle never changes"):
        make_bundle(sizes={"deer": 31}).write(tmp_path, card="two")

    assert {path.name: path.read_bytes() for path in made.path.iterdir()} == before


def test_writing_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("models.bundles.bundle.os.fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))

    with pytest.raises(BundleError, match="disk full"):
        make_bundle(sizes={"deer": 30}).write(tmp_path / "bundles", card="")

    assert list((tmp_path / "bundles").iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "nul", "x" * 300, "a:b", " "])
def test_a_name_that_cannot_be_a_folders_is_refused(name, tmp_path):
    with pytest.raises(AnomalureError, match="name"):
        replace(make_bundle(sizes={"deer": 30}), name=name).write(tmp_path, card="")


def test_weights_from_a_file_are_kept_inside(tmp_path):
    weights = tmp_path / "downloads" / "mine.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"some weights")
    specs = (EncoderSpec(weights=str(weights)), EncoderSpec(detector="yolov8n"))

    made = make_bundle(encoders=specs, sizes={"deer": 30}).write(tmp_path / "bundles", card="")
    shutil.rmtree(weights.parent)
    moved = shutil.move(tmp_path / "bundles", tmp_path / "elsewhere")
    again = Bundle.load(Path(moved) / "first")

    assert made.encoders[0].weights != str(weights)
    assert Path(again.encoders[0].weights) == tmp_path / "elsewhere" / "first" / "encoder-0.safetensors"
    assert Path(again.encoders[0].weights).read_bytes() == b"some weights"
    assert again.encoders[1] == specs[1]


@pytest.mark.parametrize("name", [CARD, CALIBRATION, NORMALISERS, "species-001.skops"])
def test_a_changed_file_is_noticed_and_named(bundle_dir, name):
    content = (bundle_dir / name).read_bytes()
    (bundle_dir / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(BundleError, match=f"{name} of the bundle first is damaged or was changed"):
        Bundle.load(bundle_dir)


@pytest.mark.parametrize("name", [CALIBRATION, NORMALISERS, "species-001.skops"])
def test_a_missing_file_is_named(bundle_dir, name):
    (bundle_dir / name).unlink()

    with pytest.raises(BundleError, match=f"has lost its file {name}"):
        Bundle.load(bundle_dir)


def test_a_bundle_that_is_not_there_is_named_with_those_that_are(bundle_dir):
    with pytest.raises(BundleError, match=r"no bundle named second\. There are: first"):
        Bundle.load(bundle_dir.parent / "second")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=FORMAT + 1, code_version="9.9"), r"newer version of Anomalure \(9.9\)"),
        (lambda m: m.pop("format"), "does not say its format"),
        (lambda m: m.update(format="1"), "does not say its format"),
        (lambda m: m.pop("files"), "does not list its files"),
        (lambda m: m["files"].pop(CALIBRATION), "does not list its files"),
        (lambda m: m["files"].update({"../../secret": "0"}), "directly in its folder"),
        (lambda m: m["files"].pop("species-000.skops"), "The bundle first is damaged"),
        (lambda m: m.pop("species"), "The bundle first is damaged"),
        (lambda m: m["species"].update(kinds=[]), "The bundle first is damaged"),
        (lambda m: m["species"]["kinds"][0].update(group=9), "The bundle first is damaged"),
        (lambda m: m["species"]["kinds"][0].update(median="a"), "The bundle first is damaged"),
        (lambda m: m.update(created_at="yesterday"), "The bundle first is damaged"),
        (lambda m: m.update(settings={"no_such": 1}), "Unknown setting no_such"),
        (lambda m: m.update(encoders=[{"no_such": 1}]), "no_such"),
        (lambda m: m["encoders"][0].update(weights="../evil.safetensors"), "directly in its folder"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_in_a_sentence(bundle_dir, change, said):
    rewrite(bundle_dir, change)

    with pytest.raises(BundleError, match=said):
        Bundle.load(bundle_dir)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_manifest_is_refused(bundle_dir, content):
    (bundle_dir / MANIFEST).write_bytes(content)

    with pytest.raises(BundleError, match=MANIFEST):
        Bundle.load(bundle_dir)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="is not a bundle"):
        Bundle.load(tmp_path)


# What it says of a run


def score(bundle: Bundle, *pairs, **settings):
    scorer = BundleScorer(bundle, RunSettings(**settings))
    return list(scorer.score(Shards(pairs))), scorer


@pytest.fixture(scope="module")
def bundle(written) -> Bundle:
    return Bundle.load(written)


def test_crops_go_to_the_species_that_they_fit_and_strangers_lead(bundle):
    rows = np.concatenate([draw_species(0, 40, seed=60), draw_species(2, 20, seed=61), draw_species(9, 5, seed=62)])

    (table,), _ = score(bundle, make_crops(rows))

    assert (table["species"][:40] == "deer").mean() > 0.9
    assert (table["species"][40:60] == "CON").mean() > 0.9
    assert set(table.sort_values("score", ascending=False).index[:5]) == set(range(60, 65))
    assert table["flagged"][60:].all()
    assert table["flagged"][:60].mean() < 0.2
    assert (table["judged_by"] == JudgedBy.SPECIES_MODEL).all()


def test_each_shard_has_its_table_in_the_order_of_its_crops(bundle):
    pairs = [make_crops(draw_species(0, n, seed=n), name=f"s{n}") for n in (7, 0, 3)]

    tables, _ = score(bundle, *pairs)

    assert [table["crop_id"].tolist() for table in tables] == [crops["crop_id"].tolist() for crops, _ in pairs]


def test_with_a_detector_that_knows_species_its_class_decides(bundle):
    rows = draw_species(0, 60, seed=60)
    pairs = [
        make_crops(rows, detector_class=name, name=name or "none") for name in ("sheep", "CON", "person", "animal")
    ]

    (sheep, con, person, animal), _ = score(bundle, *pairs, species_from="detector", species_table='{"sheep": "deer"}')
    (by_fit, *_), _ = score(bundle, *pairs)

    assert set(sheep["species"]) == {"deer"}
    assert sheep["flagged"].mean() < 0.2
    assert set(con["species"]) == {"CON"}
    assert con["flagged"].all()
    assert set(person["species"]) == {"person"}
    assert set(person["judged_by"]) == {JudgedBy.UNSEEN_SPECIES}
    assert (person["p_value"] == 0).all()
    assert person["flagged"].all()
    np.testing.assert_allclose(person["score"], by_fit["score"] + UNSEEN_SPECIES_OFFSET)
    assert person["score"].min() > by_fit["score"].max() + 5
    assert (animal["species"] == "deer").mean() > 0.9
    assert set(animal["judged_by"]) == {JudgedBy.SPECIES_MODEL}


def test_an_unseen_species_is_flagged_at_any_rate(bundle):
    (table,), _ = score(
        bundle,
        make_crops(draw_species(0, 3, seed=1), detector_class="wolf"),
        species_from="detector",
        false_alarm_rate=0.0001,
    )

    assert table["flagged"].all()
    assert set(table["judged_against"]) == {"no model of wolf"}


def test_whole_frames_of_a_known_camera_are_judged_by_its_model(bundle):
    rows = np.concatenate([draw_species(20, 60, seed=60), draw_species(21, 4, seed=61)])

    (table,), _ = score(bundle, make_crops(rows, kind=CropKind.FRAME, deployment="north"))

    assert set(table["judged_by"]) == {JudgedBy.CAMERA_MODEL}
    assert set(table["species"]) == {""}
    assert table["flagged"][60:].all()
    assert table["flagged"][:60].mean() < 0.2


def test_whole_frames_of_an_unknown_camera_are_judged_by_each_other(bundle):
    rows = np.concatenate([draw_species(25, 40, seed=60, spread=0.5), draw_species(21, 1, seed=61)])
    frames, embeddings = make_crops(rows, kind=CropKind.FRAME, deployment="south", name="f")
    crops, others = make_crops(draw_species(0, 10, seed=5), deployment="south")
    mixed = [(frames[:20], embeddings[:20]), (crops, others), (frames[20:], embeddings[20:])]

    (first, middle, last), _ = score(bundle, *mixed)

    assert set(first["judged_by"]) == set(last["judged_by"]) == {JudgedBy.OWN_FRAMES}
    assert set(middle["judged_by"]) == {JudgedBy.SPECIES_MODEL}
    assert last["crop_id"][last["score"].idxmax()] == "f-40"
    assert last["score"].max() > first["score"].max()


def test_a_rate_that_the_held_out_crops_cannot_reach_is_said(bundle):
    _, scorer = score(bundle, make_crops(draw_species(0, 5, seed=1)), false_alarm_rate=0.001)
    _, at_five = score(bundle, make_crops(draw_species(0, 5, seed=1)))

    assert any("none can be flagged at a false-alarm rate of 0.001" in note for note in scorer.notes)
    assert at_five.notes == ()


def test_embeddings_of_another_encoder_are_refused(bundle):
    crops, _ = make_crops(draw_species(0, 5, seed=1))

    with pytest.raises(BundleError, match=r"needs embeddings of shape \(5, 24\)"):
        score(bundle, (crops, np.ones((5, 7), np.float32)))


def test_a_run_without_an_unknown_camera_is_read_once(bundle):
    shards = Shards([make_crops(draw_species(0, 5, seed=i), name=f"s{i}") for i in range(4)])

    assert len(list(BundleScorer(bundle, RunSettings()).score(shards))) == 4
    assert shards.passes == 1


def test_a_run_is_gone_through_shard_by_shard(bundle):
    shards = Shards([make_crops(draw_species(0, 5, seed=i), name=f"s{i}") for i in range(4)])
    tables = BundleScorer(bundle, RunSettings()).score(shards)

    next(tables)

    assert shards.passes <= 5
    assert len(list(tables)) == 3
