"""How quickly random cuts set a row apart from those of its species."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from models.one_class.scored_rows import check_training_rows, pack_arrays, score_in_chunks, unpack_arrays

TREES = 200
LEAF = -1
EULER = 0.5772156649015329


@dataclass(frozen=True)
class ForestModel:
    """Isolation forest, kept as plain arrays: all trees' nodes one after the other.

    Source: Liu, Ting and Zhou, ICDM 2008; grown by scikit-learn.
    """

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
        """Learn from the rows of one species, shape ``(n, d)``, n >= 2."""
        check_training_rows(rows)
        if len(rows) < 2:
            raise ValueError("a forest needs at least 2 rows")
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

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """2 to the power of minus (mean path / expected path), shape ``(n,)``, 0 to 1.

        Raises:
            ValueError: If the width is another than in training.
        """
        expected = max(float(expect_path(np.array([self.sample]))[0]), 1e-9)

        def score(asked: np.ndarray) -> np.ndarray:
            asked = asked.astype(np.float32)
            node = np.tile(self.roots, (len(asked), 1))  # (n, t)
            every = np.arange(len(asked))[:, None]
            while (inner := self.left[node] != LEAF).any():
                goes_left = asked[every, self.column[node]] <= self.threshold[node]
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            return 2.0 ** (-self.path[node].mean(axis=1, dtype=np.float64) / expected)

        return score_in_chunks(rows, width=self.width, score=score)

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"isolation forest ({len(self.roots)} trees)"

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays(
            {
                "roots": self.roots,
                "column": self.column,
                "threshold": self.threshold,
                "left": self.left,
                "right": self.right,
                "path": self.path,
                "sample": self.sample,
                "width": self.width,
                "n_rows": self.n_rows,
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "ForestModel":
        """What ``to_bytes`` gave; ValueError if it is not that, so that no walk leaves the trees or never ends."""
        vectors = ("roots", "column", "threshold", "left", "right", "path")
        numbers = ("sample", "width", "n_rows")
        arrays = unpack_arrays(content, {**dict.fromkeys(vectors, 1), **dict.fromkeys(numbers, 0)})
        m = len(arrays["column"])
        inner = arrays["left"] != LEAF
        steps = np.arange(m)[inner]
        fits = all(len(arrays[name]) == m for name in vectors[1:]) and len(arrays["roots"]) > 0
        if not fits or not ((arrays["roots"] >= 0) & (arrays["roots"] < m)).all():
            raise ValueError("the forest's arrays do not fit each other")
        for side in ("left", "right"):
            if not ((arrays[side][inner] > steps) & (arrays[side][inner] < m)).all():
                raise ValueError("the forest's trees are not trees")
        if not ((arrays["column"] >= 0) & (arrays["column"] < arrays["width"])).all():
            raise ValueError("the forest asks for columns that there are not")
        sample, width, n_rows = (int(arrays[name]) for name in numbers)
        return cls(**{name: arrays[name] for name in vectors}, sample=sample, width=width, n_rows=n_rows)


def expect_path(n: np.ndarray) -> np.ndarray:
    """Mean steps to set one of n rows apart by random cuts, shape as ``n``: 0 for one, 1 for two."""
    n = np.asarray(n, dtype=np.float64)
    many = np.maximum(n, 3)
    return np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, 2 * (np.log(many - 1) + EULER) - 2 * (many - 1) / many))
