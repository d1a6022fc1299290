"""Writes the table of published models into docs/guide/models.md, from the table that the program uses."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models.published.entry import PublishedModel  # noqa: E402
from models.published.table import list_models  # noqa: E402

PAGE = ROOT / "docs/guide/models.md"
BEGIN, END = "<!-- models: written by `make docs` -->", "<!-- end of models -->"
HEAD = (
    "| name | what it is | licence of the weights | commercial use | size | trained at | checksum |\n"
    "|---|---|---|---|---|---|---|"
)


def write_rows() -> str:
    """The table; models of one family that differ only in their names share a row."""
    families: dict[str, list[str]] = {}
    for model in list_models().values():
        families.setdefault(_describe(model), []).append(model.name)
    rows = [f"| {', '.join(f'`{name}`' for name in names)} {rest}" for rest, names in families.items()]
    return "\n".join([BEGIN, HEAD, *rows, END])


def _describe(model: PublishedModel) -> str:
    licence = f"[{model.licence}]({model.licence_address})" + (" (asked for)" if model.terms else "")
    cells = (
        model.about,
        licence,
        model.say_commercial(),
        model.say_size(),
        f"{model.input_px} px",
        model.say_checksum(),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + write_rows() + after, encoding="utf-8")
