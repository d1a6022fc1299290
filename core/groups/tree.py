"""The tree of a run's groups: cut into any number of groups at once, split, and kept in the run's folder."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.disk.files import write_stream
from core.disk.json import parse_values
from core.disk.parquet import read_parquet
from core.errors import AnomalureError, NewerVersion
from core.groups.recurring import Place
from core.runs.folder import RunFolder

FORMAT = 1
"""To be increased if the same crops give another tree."""
FOLDER, FILE = "groups", "tree.npz"
WHY = "Make the groups again: open the Groups page, or delete the file first if that does not help."


@dataclass(frozen=True)
class AtPlace:
    """The leaves, from ``start`` to before ``stop``, of crops that recur at one place of a camera in so many events."""

    start: int
    stop: int
    place: Place
    n_events: int


@dataclass(frozen=True, eq=False)
class GroupTree:
    """All ways to group the crops of a run, from each leaf on its own to one group of all.

    Attributes:
        version: The fingerprint of the crops and the encoder, and of what recurs; a changed run has another one.
        crop_ids: Shape ``(n,)``, object, in the order of the run's catalogue when the tree was made. Later scores
            change that order, so find crops by their ids.
        leaf_of: The leaf of each crop, shape ``(n,)``, int32. Leaves do not depend on the scores.
        children: Shape ``(m - 1, 2)``, int32: nodes 0 to m - 1 are the leaves, and row i makes node m + i.
        heights: Shape ``(m - 1,)``, float32, ascending.
        points: The main directions of each crop, shape ``(n, d)``, d at most 64, float16.
        suggested: The number of groups that the tool chose, 1 to m, without those that recur.
        recurring: Groups of crops that recur at one place of a camera. Their leaves come last.
        crops_version: The fingerprint of the crops and the encoder alone; empty in the file of an earlier version of
            Anomalure, which did not look for what recurs.
    """

    version: str
    crop_ids: np.ndarray
    leaf_of: np.ndarray
    children: np.ndarray
    heights: np.ndarray
    points: np.ndarray
    suggested: int
    recurring: tuple[AtPlace, ...] = ()
    crops_version: str = ""

    @property
    def n_leaves(self) -> int:
        """How many leaves there are, m; 0 for no crops."""
        return len(self.children) + 1 if len(self.leaf_of) else 0

    @cached_property
    def counts(self) -> np.ndarray:
        """How many crops each leaf has, shape ``(m,)``."""
        return np.bincount(self.leaf_of, minlength=self.n_leaves)

    @property
    def n_free_leaves(self) -> int:
        """How many leaves are not of crops that recur at one place: into so many groups it can be cut."""
        return self.recurring[0].start if self.recurring else self.n_leaves

    def find_place(self, leaves: Iterable[int]) -> AtPlace | None:
        """The place at which all crops of these leaves recur; None if they do not."""
        if not self.recurring:
            return None
        starts = [one.start for one in self.recurring]
        found = np.unique(np.searchsorted(starts, list(leaves), side="right")) - 1
        own = [self.recurring[i] for i in found.tolist() if i >= 0]
        return own[0] if len(own) == len(found) and len({one.place for one in own}) == 1 else None

    def cut(self, k: int) -> list[int]:
        """The nodes of ``k`` groups, fewer if there are fewer leaves, and of those that recur at a place; ascending.

        Raises:
            ValueError: If ``k`` is under 1.
        """
        if k < 1:
            raise ValueError(f"a cut gives at least 1 group, got k = {k}")
        m = self.n_leaves
        k = min(k, self.n_free_leaves) + len(self.recurring)
        # The last k - 1 merges are undone: what is left are the nodes below them.
        below = np.concatenate([self.children[m - k :].ravel(), [2 * m - 2]]) if m else np.empty(0, dtype=int)
        return sorted(int(node) for node in below if node < 2 * m - k)

    def leaves_of(self, node: int) -> tuple[int, ...]:
        """The leaves below a node, sorted.

        Raises:
            ValueError: If there is no such node.
        """
        if not 0 <= node < max(2 * self.n_leaves - 1, 0):
            raise ValueError(f"nodes are 0 to {2 * self.n_leaves - 2}, got {node}")
        row, starts, stops = self._row
        return tuple(sorted(row[starts[node] : stops[node]].tolist()))

    def split(self, leaves: Iterable[int]) -> list[tuple[int, ...]]:
        """The two parts of a group, the larger first; the group itself if it is a single leaf.

        The group may have been merged from several nodes or have lost leaves: it is parted at the highest merge that
        has some of its leaves on either side.

        Raises:
            ValueError: If there are no leaves, or one is not in the tree.
        """
        wanted = self._check(leaves)
        row, starts, stops = self._row
        taken = np.concatenate([[0], np.cumsum(np.isin(row, wanted))])
        node = 2 * self.n_leaves - 2
        while node >= self.n_leaves:
            sides = self.children[node - self.n_leaves].tolist()
            counts = [int(taken[stops[side]] - taken[starts[side]]) for side in sides]
            if all(counts):
                parts = [np.intersect1d(row[starts[side] : stops[side]], wanted) for side in sides]
                parts.sort(key=lambda part: (-int(self.counts[part].sum()), int(part[0])))
                return [tuple(part.tolist()) for part in parts]
            node = sides[0] if counts[0] else sides[1]
        return [tuple(wanted.tolist())]

    def crops_in(self, leaves: Iterable[int]) -> np.ndarray:
        """The row indices of the crops of these leaves, ascending.

        Raises:
            ValueError: If a leaf is not in the tree.
        """
        chosen = np.zeros(self.n_leaves, dtype=bool)
        chosen[self._check(leaves, least=0)] = True
        return np.flatnonzero(chosen[self.leaf_of])

    def order_by_typical(self, rows: np.ndarray) -> np.ndarray:
        """These rows, those nearest to their mean first."""
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) == 0:
            return rows
        points = self.points[rows].astype(np.float32)
        away = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
        return rows[np.argsort(away, kind="stable")]

    def take(self, rows: np.ndarray) -> "GroupTree":
        """The same tree with its crops in another order: ``rows`` are all row indices, in that order."""
        return replace(self, crop_ids=self.crop_ids[rows], leaf_of=self.leaf_of[rows], points=self.points[rows])

    def write(self, path: Path) -> None:
        """Write it as one file, completely or not at all.

        Raises:
            OSError: If the disk is full or cannot be written.
        """
        facts = {
            "format": FORMAT,
            "version": self.version,
            "suggested": self.suggested,
            "crops_version": self.crops_version,
            "recurring": [asdict(one) for one in self.recurring],
        }
        about = json.dumps(facts, ensure_ascii=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_stream(
            path,
            lambda file: np.savez(
                file,
                about=np.array(about),
                crop_ids=np.array(self.crop_ids.tolist(), dtype=np.str_),
                leaf_of=self.leaf_of.astype(np.int32),
                children=self.children.astype(np.int32),
                heights=self.heights.astype(np.float32),
                points=self.points.astype(np.float16),
            ),
            durable=True,
        )

    @classmethod
    def read(cls, path: Path, *, version: str = "") -> "GroupTree":
        """The tree of a file.

        Args:
            path: As written by ``write``.
            version: The fingerprint of the crops that it must have; empty: any.

        Raises:
            NewerVersion: If a newer version made it.
        AnomalureError: If it is missing, damaged, of an earlier version of Anomalure, or of other crops.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            about = parse_values(str(arrays["about"]))
            if about["format"] > FORMAT:
                raise NewerVersion(
                    f"The groups in {path} were made by a newer version of Anomalure. Nothing was changed. Update "
                    "Anomalure."
                )
            if about["format"] != FORMAT:
                raise AnomalureError(f"The groups in {path} are of another version of Anomalure. {WHY}")
            tree = cls(
                version=str(about["version"]),
                crop_ids=arrays["crop_ids"].astype(object),
                leaf_of=arrays["leaf_of"],
                children=arrays["children"],
                heights=arrays["heights"],
                points=arrays["points"],
                suggested=int(about["suggested"]),
                recurring=_read_recurring(about),
                crops_version=str(about.get("crops_version", "")),
            )
            tree._check_whole()
        except FileNotFoundError as error:
            raise AnomalureError(f"There are no groups yet: {path} is missing. {WHY}") from error
        except AnomalureError:
            raise
        except Exception as error:  # a damaged zip fails in many ways
            raise AnomalureError(
                f"The groups in {path} cannot be read: the file is damaged ({error}). {WHY}"
            ) from error
        if version and version != (tree.crops_version or tree.version):
            raise AnomalureError(f"The groups in {path} are of other crops than the run has now. {WHY}")
        return tree

    @cached_property
    def _row(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The leaves in a row in which those of each node are contiguous, and where each node starts and stops."""
        m = self.n_leaves
        sizes = np.ones(2 * m - 1, dtype=np.int64)
        for i, (a, b) in enumerate(self.children.tolist()):
            sizes[m + i] = sizes[a] + sizes[b]
        starts = np.zeros(2 * m - 1, dtype=np.int64)
        for i in range(m - 2, -1, -1):
            a, b = self.children[i].tolist()
            starts[a], starts[b] = starts[m + i], starts[m + i] + sizes[a]
        row = np.empty(m, dtype=np.int64)
        row[starts[:m]] = np.arange(m)
        return row, starts, starts + sizes

    def _check(self, leaves: Iterable[int], *, least: int = 1) -> np.ndarray:
        chosen = np.unique(np.fromiter(leaves, dtype=np.int64))
        if len(chosen) < least:
            raise ValueError("a group has at least one leaf")
        if len(chosen) and not (chosen[0] >= 0 and chosen[-1] < self.n_leaves):
            raise ValueError(f"leaves are 0 to {self.n_leaves - 1}, got {chosen[0]} to {chosen[-1]}")
        return chosen

    def _check_whole(self) -> None:
        n, m = len(self.crop_ids), self.n_leaves
        if self.leaf_of.shape != (n,) or len(self.points) != n or self.points.ndim != 2:
            raise ValueError("the number of crops differs")
        if self.children.shape != (max(m - 1, 0), 2) or self.heights.shape != (max(m - 1, 0),):
            raise ValueError("the merges have another shape")
        used = np.sort(self.children.ravel())
        if (
            not np.array_equal(used, np.arange(max(2 * m - 2, 0)))
            or (self.children >= m + np.arange(max(m - 1, 0))[:, None]).any()
        ):
            raise ValueError("the merges are no tree")
        if n and not np.array_equal(np.unique(self.leaf_of), np.arange(m)):
            raise ValueError("a leaf has no crops")
        if not np.isfinite(self.heights).all():
            raise ValueError("a height is not a number")
        starts = [*(one.start for one in self.recurring), m]
        if any(not 0 <= one.start < one.stop == after for one, after in zip(self.recurring, starts[1:], strict=True)):
            raise ValueError("the places have other leaves")
        if not 0 <= self.suggested <= m:
            raise ValueError(f"{self.suggested} groups are suggested for {m} leaves")


def read_places(run: RunFolder) -> tuple[str, tuple[AtPlace, ...]]:
    """The version of a run's tree and its places, without reading the tree; an empty text and none if there is none."""
    try:
        with np.load(find_tree(run), allow_pickle=False) as file:
            about = parse_values(str(file["about"]))
        return str(about["version"]), _read_recurring(about)
    except Exception:  # missing or damaged, which a zip can be in many ways
        return "", ()


def find_tree(run: RunFolder) -> Path:
    """The file of a run's tree."""
    return run.path / FOLDER / FILE


def fingerprint_run(run: RunFolder) -> str:
    """The version that a tree of the run's crops has now, 16 hex digits: of the crops and the encoder, not the scores.

    Raises:
        AnomalureError: If the crops cannot be read.
    """
    facts = {
        "format": FORMAT,
        "encoders": run.info.encoders,
        "sections": run.info.sections,
        "encoder": run.info.encoder,
    }
    digest = hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode())
    try:
        for path in run.tables("crops"):
            digest.update("\n".join(read_parquet(path, columns=["crop_id"])["crop_id"].to_pylist()).encode())
    except (OSError, pa.ArrowException) as error:
        raise AnomalureError(f"The crops of run {run.run_id} cannot be read: {error}") from error
    return digest.hexdigest()[:16]


def open_tree(run: RunFolder) -> GroupTree:
    """The tree of a run's crops.

    Raises:
        AnomalureError: If it is missing, damaged, or of other crops.
    """
    return GroupTree.read(find_tree(run), version=fingerprint_run(run))


def _read_recurring(about: Mapping[str, Any]) -> tuple[AtPlace, ...]:
    """The places in the file of a tree; files of earlier versions have none."""
    places = []
    for one in about.get("recurring", ()):
        left, top, width, height = (float(value) for value in one["place"]["box"])
        place = Place(str(one["place"]["camera"]), (left, top, width, height))
        places.append(AtPlace(int(one["start"]), int(one["stop"]), place, int(one["n_events"])))
    return tuple(places)
