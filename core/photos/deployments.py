"""Which camera at which place took a photo: from its folder, a pattern on its path, or a table."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.disk.text import quote_known, read_table
from core.errors import AnomalureError, FileFormatError
from core.photos.matching import match_names, normalise_name

PATTERN_GROUP = "deployment"


class DeploymentNamer:
    """Names the deployment of each photo.

    By default this is the folder that holds the photo, with the path to it (``north/100RECNX``, because every camera
    has a ``100RECNX``). Photos directly in the listed folder get the name of that folder.

    Args:
        folder: The listed folder.
        pattern: A regular expression, searched in a photo's path inside the folder, with a group ``deployment``.
        table: A CSV with the columns ``deployment`` and ``file_name`` or ``folder``. A folder stands for all below it.
        file_names: The listed photos; needed with a table whose file names may be longer or shorter paths.

    A photo that the pattern or the table does not name keeps the folder's name; ``unnamed`` lists these photos.

    Raises:
        AnomalureError: If the pattern or the table cannot be used, or both are given.
    """

    def __init__(
        self, folder: Path, *, pattern: str = "", table: Path | None = None, file_names: Sequence[str] = ()
    ) -> None:
        if pattern and table is not None:
            raise AnomalureError("Give a pattern or a table for the deployments, not both.")
        self._pattern = _compile(pattern) if pattern else None
        self._by_file: dict[str, str] = {}
        self._by_folder: dict[str, str] = {}
        self.unused_rows: tuple[str, ...] = ()
        top = folder.resolve().name or "photos"
        # A folder of the same name inside it is another deployment.
        self._top = f"{top} (top folder)" if (folder / top).is_dir() else top
        if table is not None:
            self._read_table(table, folder=folder, file_names=file_names)

    def name(self, file_name: str) -> str:
        """The deployment of a photo by its name inside the folder."""
        return self._given_name(file_name) or self._folder_name(file_name)

    def unnamed(self, file_names: Iterable[str]) -> list[str]:
        """The photos that the pattern or table should have named but did not."""
        if self._pattern is None and not self._by_file and not self._by_folder:
            return []
        return [file_name for file_name in file_names if not self._given_name(file_name)]

    def _given_name(self, file_name: str) -> str:
        if self._pattern is not None:
            match = self._pattern.search(file_name)
            return (match.group(PATTERN_GROUP) or "").strip() if match else ""
        if file_name in self._by_file:
            return self._by_file[file_name]
        above = file_name
        while above and self._by_folder:
            above = above.rpartition("/")[0]  # in the end "": the listed folder itself
            if above in self._by_folder:
                return self._by_folder[above]
        return ""

    def _folder_name(self, file_name: str) -> str:
        return file_name.rpartition("/")[0] or self._top

    def _read_table(self, table: Path, *, folder: Path, file_names: Sequence[str]) -> None:
        rows = read_table(table, expected="a table with the columns deployment and file_name or folder")
        columns = set(rows.columns)
        by = next((column for column in ("file_name", "folder") if column in columns), None)
        if by is None or PATTERN_GROUP not in columns:
            raise FileFormatError(
                f"{table.name}: expected the columns deployment and file_name or folder, "
                f"got {quote_known(rows.columns)}."
            )
        named: dict[str, str] = {}
        for number, row in enumerate(rows, start=2):
            name, deployment = normalise_name(row[by]).rstrip("/"), row[PATTERN_GROUP].strip()
            if not deployment:
                raise FileFormatError(f"{table.name}, line {number}: the deployment is empty.")
            if named.setdefault(name, deployment) != deployment:
                raise FileFormatError(
                    f"{table.name}, line {number}: {name or 'the folder itself'} is in two deployments, "
                    f"{named[name]} and {deployment}."
                )
        if by == "folder":
            self._by_folder = {"" if name == "." else name: deployment for name, deployment in named.items()}
        elif file_names:
            ours = match_names(list(named), file_names, folder=folder)
            self._by_file = {ours[name]: deployment for name, deployment in named.items() if name in ours}
            self.unused_rows = tuple(name for name in named if name not in ours)
            if not ours:
                raise FileFormatError(
                    f"{table.name}: none of its {len(named)} file names is in {folder}; for example "
                    f"{next(iter(named), '(no row)')}, while the folder has {file_names[0]}."
                )
        else:
            self._by_file = named


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise AnomalureError(f"The deployment pattern {pattern!r} is not a regular expression: {error}.") from error
    if PATTERN_GROUP not in compiled.groupindex:
        raise AnomalureError(
            f"The deployment pattern {pattern!r} has no group named '{PATTERN_GROUP}'. "
            "Write for example (?P<deployment>[^/]+)/ for the first folder."
        )
    return compiled
