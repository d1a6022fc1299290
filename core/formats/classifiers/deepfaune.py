"""DeepFaune's table of predictions, as its program saves it (CSV). See www.deepfaune.cnrs.fr."""

from collections.abc import Sequence

from core.disk.text import Table
from core.formats.account import Problems
from core.formats.classifiers.classified import ClassificationFile, ClassifiedPhoto, join_photos, make_said
from core.formats.tables.columns import fold_column

SOURCE = "DeepFaune"
_FILE, _ANSWER, _SCORE = "filename", "prediction", "score"
_ALONE, _SCORE_ALONE = "predictionbase", "scorebase"
COLUMNS = (_FILE, _ANSWER, _SCORE)


def is_deepfaune(columns: Sequence[str]) -> bool:
    """Whether a table has the columns of DeepFaune."""
    return {fold_column(column) for column in columns}.issuperset(COLUMNS)


def parse_deepfaune(table: Table) -> ClassificationFile:
    """What DeepFaune says of each photo: its answer by the whole series, and by the photo alone.

    Classes are names in the language of the program, without a taxonomy. "undefined" is an unknown animal.
    """
    by_name = {fold_column(column): column for column in table.columns}
    problems = Problems()
    photos = []
    for row in table:
        name = row[by_name[_FILE]].strip()
        if not name:
            problems.add("rows without a filename", str(row)[:80])
            continue
        answer = row[by_name[_ANSWER]], row[by_name[_SCORE]]
        alone = (row[by_name[_ALONE]], row[by_name[_SCORE_ALONE]]) if _has_alone(by_name) else answer
        said = make_said([alone] if any(alone) else [], answer=answer, problems=problems, where=name)
        if said is None:
            problems.add("photos for which the file has no class", name)
        else:
            photos.append(ClassifiedPhoto(name, whole=said))
    return ClassificationFile(SOURCE, join_photos(photos, problems), problems.lines())


def _has_alone(by_name: dict[str, str]) -> bool:
    return _ALONE in by_name and _SCORE_ALONE in by_name
