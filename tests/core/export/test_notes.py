"""Notes are exported: those of verdicts, and the last ones on crops that nobody has decided about."""

from core.export.choice import ExportChoice
from core.export.files import write_export
from core.formats.csv import read_csv_rows
from core.store.notes import Note, keep_notes
from tests.fakes.project import make_project


def test_a_note_on_an_undecided_crop_is_exported(tmp_path):
    project = make_project(tmp_path)
    first, second, third = project.review_queue().rows.iloc[:3].to_dict("records")
    keep_notes(
        project.store,
        [
            Note(note_id=f"{n:032x}", photo_id=crop["photo_id"], crop_id=crop["crop_id"], note=note)
            for n, (crop, note) in enumerate(
                [(first, "a limp?"), (first, "limps"), (second, "before"), (third, "gone"), (third, "")]
            )
        ],
    )
    project.save_verdict(second, "normal", note="of the verdict")

    write_export(project, ExportChoice(verdicts=()), tmp_path / "all.csv", format="csv")

    notes = {row["crop_id"]: row["note"] for row in read_csv_rows(tmp_path / "all.csv") if row["note"]}
    assert notes == {first["crop_id"]: "limps", second["crop_id"]: "of the verdict"}
