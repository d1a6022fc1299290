"""Which project the dashboard shows. Knows no Streamlit."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "ANOMALURE_PROJECT"


def find_project_folder() -> Path:
    """The folder named by ``ANOMALURE_PROJECT``, or ``data/project`` beside the program; absolute."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).expanduser().resolve() if named else ROOT / "data" / "project"
