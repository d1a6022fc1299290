"""How quickly random cuts set a row apart from those of its species."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.one_class.model import ArrayModel
from models.one_class.scored_rows import check_training_rows

TREES = 200
LEAF = -1
EULER = 0.5772156649015329


@dataclass(frozen=True)
class ForestModel(ArrayModel):
    """Isolation forest, kept as plain arrays: all trees' nodes one after the other.

    The score is 2 to the power of minus (mean path / expected path), 0 to 1.
    Source: Liu, Ting and Zhou, ICDM 2008; grown by scikit-learn.
    """

    label = "Isolation forest"
    about = "Makes no assumption about the shape of the cloud that the crops of a species form."
    least_rows = 20
    shapes: ClassVar = {"roots": "t", **dict.fromkeys(("column", "threshold", "left", "right", "path"), "m")}

    roots: np.ndarray  # (t,): the first node of each tree
    column: np.ndarray  # (m,): which column a node asks for
    threshold: np.ndarray  # (m,): at most this goes left
    left: np.ndarray  # (m,): node, or LEAF
    right: np.ndarray  # (m,)
    path: np.ndarray  # (m,): steps from the root to a leaf, and those that its rows would still need
    sample: int
    width: int
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "ForestModel":
        """Learn from n >= 2 rows."""
        from sklearn.ensemble import IsolationForest

        check_training_rows(rows, least=2)
        forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(rows)
        parts: list[list[np.ndarray]] = []
        roots = []
        start = 0
        for tree, columns in zip(forest.estimators_, forest.estimators_features_, strict=True):
            nodes = tree.tree_
            inner = nodes.children_left != LEAF
            depth = np.zeros(nodes.node_count)
            for i in np.flatnonzero(inner):  # children come after their parent
                depth[[nodes.children_left[i], nodes.children_right[i]]] = depth[i] + 1
            parts.append(
                [
                    np.where(inner, columns[np.maximum(nodes.feature, 0)], 0),
                    nodes.threshold,
                    np.where(inner, nodes.children_left + start, LEAF),
                    np.where(inner, nodes.children_right + start, LEAF),
                    depth + expect_path(nodes.n_node_samples),
                ]
            )
            roots.append(start)
            start += nodes.node_count
        column, threshold, left, right, path = (np.concatenate(part) for part in zip(*parts, strict=True))
        return cls(
            roots=np.array(roots, dtype=np.int32),
            column=column.astype(np.int32),
            threshold=threshold,
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            path=path.astype(np.float32),
            sample=int(forest.max_samples_),
            width=rows.shape[1],
            n_rows=len(rows),
        )

    def _score(self, rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.float32)
        node = np.tile(self.roots, (len(rows), 1))  # (n, t)
        every = np.arange(len(rows))[:, None]
        while (inner := self.left[node] != LEAF).any():
            goes_left = rows[every, self.column[node]] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        expected = max(float(expect_path(np.array([self.sample]))[0]), 1e-9)
        return 2.0 ** (-self.path[node].mean(axis=1, dtype=np.float64) / expected)

    @property
    def n_features(self) -> int:
        """Length of the rows that it takes."""
        return self.width

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return f"isolation forest ({len(self.roots)} trees)"

    def check(self) -> None:
        """No walk may leave the trees or never end."""
        m = len(self.column)
        inner = self.left != LEAF
        if len(self.roots) == 0 or not ((self.roots >= 0) & (self.roots < m)).all():
            raise ValueError("the forest of the model has no roots")
        for side in (self.left, self.right):
            if not ((side[inner] > np.flatnonzero(inner)) & (side[inner] < m)).all():
                raise ValueError("the forest's trees are not trees")
        if not ((self.column >= 0) & (self.column < self.width)).all():
            raise ValueError("the forest asks for columns that there are not")


def expect_path(n: np.ndarray) -> np.ndarray:
    """Mean steps to set one of n rows apart by random cuts, shape as ``n``: 0 for one, 1 for two."""
    n = np.asarray(n, dtype=np.float64)
    many = np.maximum(n, 3)
    return np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, 2 * (np.log(many - 1) + EULER) - 2 * (many - 1) / many))


MODEL = ForestModel
