"""The bundles of a project: those that are registered, and those that lie complete in its folder."""

from contextlib import suppress
from datetime import UTC, datetime

import pandas as pd

from core.errors import AnomalureError
from core.study.project import Project, is_safe_name

MANIFEST = "bundle.json"
"""Written last, so a folder that has it holds a complete bundle."""


def read_bundles(project: Project) -> pd.DataFrame:
    """The bundles, newest first: name, made_from, created_at (UTC), active.

    A bundle whose process was killed before it was registered is complete on the disk. It is registered now, or, in a
    project that may only be read, only listed.
    """
    table = project.store.bundles()
    found = _find_unregistered(project, set(table["name"]))
    if not found:
        return table
    with suppress(AnomalureError):
        for name, created_at in found.items():
            project.store.register_bundle(name, created_at=created_at)
        return project.store.bundles()
    rows = [
        {"name": name, "made_from": "", "created_at": at.replace(tzinfo=None), "active": False}
        for name, at in found.items()
    ]
    whole = [*rows, *table.to_dict("records")]
    return pd.DataFrame(whole).sort_values(["created_at", "name"], ascending=[False, True], ignore_index=True)


def _find_unregistered(project: Project, registered: set[str]) -> dict[str, datetime]:
    found = {}
    with suppress(OSError):
        for folder in project.bundles_dir.iterdir():
            if folder.name not in registered and is_safe_name(folder.name):
                with suppress(OSError):
                    found[folder.name] = datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC)
    return found
