"""The minimum spanning tree by DBSCAN's mutual reachability distance, exact to the last bit.

Differences are squared and added up in float64, column by column, as in scikit-learn's KDTree, so that a distance that
equals eps counts the same in both. The mutual reachability of two points is the eps from which on both are
core points and neighbours: the largest of their distance and of the core distances of both.

Source: Campello, Moulavi and Sander, PAKDD 2013, for the tree; Boruvka's rounds over a k-d tree as in March, Ram and
Gray, KDD 2010.
"""

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

LEAF_SIZE = 16
# Neighbours that the first rounds find without the tree. Measured: fewer need more rounds, more need more memory.
LEAST_NEIGHBOURS = 8
DEEPEST = 256
# Points that a thread takes at a time, between two reports of progress: with 50 columns a second or two.
BLOCK = 2_048
BLOCK_ON_PLANE = 65_536
# About the share of the time that the search for neighbours takes; the rest is joining.
NEIGHBOURS_SHARE = 0.2
# On the plane a tree is done before threads pay off; among embeddings each point is compared with most others.
MOST_COLUMNS_ALONE = 8
MOST_THREADS = 4
OnShare = Callable[[float], None]


@dataclass(frozen=True)
class SpanningTree:
    """A minimum spanning tree by mutual reachability, and what it was made from.

    Attributes:
        neighbours: The ``min_samples - 1`` nearest other points of each, nearest first, shape ``(n, min_samples - 1)``,
            int32.
        neighbours_sq: Their squared distances, same shape, float64.
        core_sq: Squared core distance of each point, shape ``(n,)``, float64.
        first, second: The points that each edge joins, shape ``(n - 1,)``, int32.
        reach_sq: Squared mutual reachability along each edge, ascending, shape ``(n - 1,)``, float64.
    """

    neighbours: np.ndarray
    neighbours_sq: np.ndarray
    core_sq: np.ndarray
    first: np.ndarray
    second: np.ndarray
    reach_sq: np.ndarray


def span_points(points: np.ndarray, *, min_samples: int, on_share: OnShare | None = None) -> SpanningTree:
    """The tree of some points.

    Args:
        points: Shape ``(n, d)``, finite, n >= 1. In 2 columns the time grows with n, in 50 with its square.
        min_samples: Points that make a core point, itself included, 1 to n.
        on_share: Called now and then with the share that is done, 0 to 1; an exception that it raises ends the work.
    """
    from sklearn.neighbors import KDTree  # importing it would take a third of the time in which the dashboard starts

    tell: OnShare = on_share or (lambda share: None)
    rows = np.ascontiguousarray(points, dtype=np.float64)
    n = len(rows)
    tree = KDTree(rows, leaf_size=LEAF_SIZE)
    _, order, nodes, bounds = tree.get_arrays()
    order = np.asarray(order, dtype=np.int64)
    starts, ends = np.ascontiguousarray(nodes["idx_start"]), np.ascontiguousarray(nodes["idx_end"])
    is_leaf = np.ascontiguousarray(nodes["is_leaf"]).astype(np.bool_)
    lows, highs = np.ascontiguousarray(bounds[0]), np.ascontiguousarray(bounds[1])
    sorted_rows = np.ascontiguousarray(rows[order])  # neighbours lie close together in memory, too

    k = min(max(min_samples - 1, LEAST_NEIGHBOURS), n - 1)
    near, near_sq = np.zeros((n, k), dtype=np.int32), np.full((n, k), np.inf)
    threads = 1 if rows.shape[1] <= MOST_COLUMNS_ALONE else min(MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        for blocks in _share_out(n if k else 0, columns=rows.shape[1], threads=threads):
            tell(NEIGHBOURS_SHARE * blocks[0][0] / n)
            list(
                pool.map(
                    lambda block: find_neighbours(
                        sorted_rows, starts, ends, is_leaf, lows, highs, near, near_sq, *block
                    ),
                    blocks,
                )
            )
    core_sq = near_sq[:, min_samples - 2].copy() if min_samples > 1 else np.zeros(n)
    nodes_of_tree = (starts, ends, is_leaf, lows, highs)
    first, second, reach_sq = join_points(sorted_rows, nodes_of_tree, near, near_sq, core_sq, tell, threads=threads)

    ascending = np.argsort(reach_sq, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    kept = slice(0, min_samples - 1)
    return SpanningTree(
        neighbours=order.astype(np.int32)[near[:, kept]][place],
        neighbours_sq=near_sq[:, kept][place],
        core_sq=core_sq[place],
        first=order[first[ascending]].astype(np.int32),
        second=order[second[ascending]].astype(np.int32),
        reach_sq=reach_sq[ascending],
    )


@njit(cache=True, nogil=True)
def _distance_sq(rows, i, j):
    total = 0.0
    for column in range(rows.shape[1]):
        gap = rows[i, column] - rows[j, column]
        total += gap * gap
    return total


@njit(cache=True, nogil=True)
def _least_sq(rows, i, lows, highs, node):
    # Rounding is monotone, so this is never above the distance to a point of the node as it is rounded.
    total = 0.0
    for column in range(rows.shape[1]):
        value = rows[i, column]
        if value < lows[node, column]:
            gap = lows[node, column] - value
            total += gap * gap
        elif value > highs[node, column]:
            gap = value - highs[node, column]
            total += gap * gap
    return total


@njit(cache=True, nogil=True)
def find_neighbours(rows, starts, ends, is_leaf, lows, highs, near, near_sq, begin, end):
    """Fills in the k nearest other points of those from ``begin`` to ``end``, nearest first.

    ``near`` gets rows, ``(n, k)`` int32; ``near_sq`` squared distances, ``(n, k)`` float64, infinite at first.
    """
    k = near.shape[1]
    stack = np.empty(DEEPEST, dtype=np.int64)
    stack_sq = np.empty(DEEPEST)
    for i in range(begin, end):
        found, found_sq = near[i], near_sq[i]
        worst = np.inf
        stack[0], stack_sq[0], height = 0, 0.0, 1
        while height > 0:
            height -= 1
            node = stack[height]
            if stack_sq[height] >= worst:
                continue
            if is_leaf[node]:
                for j in range(starts[node], ends[node]):
                    if j == i:
                        continue
                    distance = _distance_sq(rows, i, j)
                    if distance < worst:
                        slot = k - 1
                        while slot > 0 and found_sq[slot - 1] > distance:
                            found_sq[slot] = found_sq[slot - 1]
                            found[slot] = found[slot - 1]
                            slot -= 1
                        found_sq[slot] = distance
                        found[slot] = j
                        worst = found_sq[k - 1]
            else:
                left, right = 2 * node + 1, 2 * node + 2
                left_sq = _least_sq(rows, i, lows, highs, left)
                right_sq = _least_sq(rows, i, lows, highs, right)
                # The nearer node last, so that it is searched first; if both are as near, the one that holds the point.
                if left_sq < right_sq or (left_sq == right_sq and i < ends[left]):
                    left, right, left_sq, right_sq = right, left, right_sq, left_sq
                if left_sq < worst:
                    stack[height], stack_sq[height] = left, left_sq
                    height += 1
                if right_sq < worst:
                    stack[height], stack_sq[height] = right, right_sq
                    height += 1


@njit(cache=True, nogil=True)
def _find_root(parents, i):
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


def _share_out(n: int, *, columns: int, threads: int) -> Iterator[list[tuple[int, int]]]:
    """The points from 0 to n in blocks, as many at a time as there are threads."""
    block = BLOCK if columns > MOST_COLUMNS_ALONE else BLOCK_ON_PLANE
    blocks = [(begin, min(begin + block, n)) for begin in range(0, n, block)]
    for i in range(0, len(blocks), threads):
        yield blocks[i : i + threads]


def join_points(rows, nodes, near, near_sq, core_sq, tell, *, threads):  # type: ignore[no-untyped-def]
    """The edges of the tree in the order in which they were found: two rows and the squared reachability each.

    In each round every group of joined points except the largest takes its shortest edge to another group. An edge
    that would close a circle is skipped; all edges of such a circle are equally long, so any of them may be left out.
    """
    n, n_nodes = len(near), len(nodes[0])
    edges = (np.empty(max(n - 1, 0), dtype=np.int64), np.empty(max(n - 1, 0), dtype=np.int64), np.empty(max(n - 1, 0)))
    # For each point: its group, and its parent on the path to the point that names the group.
    group, parents, sizes = np.arange(n), np.arange(n), np.ones(n, dtype=np.int64)
    node_group = np.empty(n_nodes, dtype=np.int64)  # the group of all points of a node, or -1
    node_core = np.empty(n_nodes)  # least core distance in a node
    at_least = core_sq.copy()  # no edge from the point to another group is shorter
    way_to = np.full(n, -1, dtype=np.int64)  # the other end of the shortest such edge, if it is known
    best = (np.empty(n), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64))  # of each group: how far, from, to
    _find_least_core(nodes, node_core, core_sq)

    n_edges = 0
    while n_edges < n - 1:
        largest = _look_along_lists(nodes, node_group, group, sizes, near, near_sq, core_sq, at_least, way_to, best)

        def look(block, largest=largest):  # type: ignore[no-untyped-def]
            # Each thread starts from the best so far, and improves its own copy.
            own = best if threads == 1 else tuple(part.copy() for part in best)
            _look_through_tree(
                rows, nodes, node_group, node_core, group, core_sq, at_least, way_to, own, largest, *block
            )
            return own

        with ThreadPoolExecutor(threads) as pool:
            for blocks in _share_out(n, columns=rows.shape[1], threads=threads):
                # Each round leaves at most half of the groups.
                done = 1 - (math.log(n - n_edges) - math.log(2) * blocks[0][0] / n) / math.log(n)
                tell(NEIGHBOURS_SHARE + (1 - NEIGHBOURS_SHARE) * max(done, 0.0))
                for own in pool.map(look, blocks):
                    if own is best:
                        continue
                    better = own[0] < best[0]
                    for part, found in zip(best, own, strict=True):
                        part[better] = found[better]
        n_edges = _join_groups(parents, sizes, group, best, largest, edges, n_edges)
    return edges


@njit(cache=True, nogil=True)
def _find_least_core(nodes, node_core, core_sq):
    starts, ends, is_leaf, _, _ = nodes
    for node in range(len(starts) - 1, -1, -1):
        if is_leaf[node]:
            least = np.inf
            for j in range(starts[node], ends[node]):
                least = min(least, core_sq[j])
            node_core[node] = least
        else:
            node_core[node] = min(node_core[2 * node + 1], node_core[2 * node + 2])


@njit(cache=True, nogil=True)
def _look_along_lists(nodes, node_group, group, sizes, near, near_sq, core_sq, at_least, way_to, best):
    """Begins a round with the edges in the lists of neighbours. Returns the largest group, which takes no edge."""
    starts, ends, is_leaf, _, _ = nodes
    best_sq, best_from, best_to = best
    n, k = near.shape
    for node in range(len(starts) - 1, -1, -1):
        if is_leaf[node]:
            same = group[starts[node]]
            for j in range(starts[node] + 1, ends[node]):
                if group[j] != same:
                    same = -1
                    break
            node_group[node] = same
        elif node_group[2 * node + 1] == node_group[2 * node + 2]:
            node_group[node] = node_group[2 * node + 1]
        else:
            node_group[node] = -1

    largest = group[0]
    for i in range(n):
        best_sq[i] = np.inf
        if sizes[group[i]] > sizes[largest]:
            largest = group[i]

    for i in range(n):
        mine = group[i]
        if mine == largest:
            continue
        if way_to[i] >= 0 and group[way_to[i]] == mine:
            way_to[i] = -1
        if way_to[i] >= 0:
            shortest, to = at_least[i], way_to[i]
        else:
            shortest, to = np.inf, -1
            for slot in range(k):
                distance = max(near_sq[i, slot], core_sq[i])
                if distance >= shortest:
                    break
                j = near[i, slot]
                if group[j] != mine:
                    reach = max(distance, core_sq[j])
                    if reach < shortest:
                        shortest, to = reach, j
            if k > 0:
                at_least[i] = max(at_least[i], min(shortest, max(core_sq[i], near_sq[i, k - 1])))
            if to >= 0 and shortest <= at_least[i]:
                way_to[i] = to
        if to >= 0 and shortest < best_sq[mine]:
            best_sq[mine], best_from[mine], best_to[mine] = shortest, i, to
    return largest


@njit(cache=True, nogil=True)
def _look_through_tree(rows, nodes, node_group, node_core, group, core_sq, at_least, way_to, best, largest, begin, end):
    """Finds edges of the points from ``begin`` to ``end`` that may be shorter than those in the lists."""
    starts, ends, is_leaf, lows, highs = nodes
    best_sq, best_from, best_to = best
    stack = np.empty(DEEPEST, dtype=np.int64)
    stack_sq = np.empty(DEEPEST)
    for i in range(begin, end):
        mine = group[i]
        if mine == largest or way_to[i] >= 0 or at_least[i] >= best_sq[mine]:
            continue
        shortest, to = best_sq[mine], -1
        stack[0], stack_sq[0], height = 0, 0.0, 1
        while height > 0:
            height -= 1
            node = stack[height]
            if stack_sq[height] >= shortest:
                continue
            if is_leaf[node]:
                for j in range(starts[node], ends[node]):
                    if group[j] != mine and core_sq[j] < shortest:
                        reach = max(_distance_sq(rows, i, j), core_sq[i], core_sq[j])
                        if reach < shortest:
                            shortest, to = reach, j
                continue
            left, right = 2 * node + 1, 2 * node + 2
            left_sq, right_sq = np.inf, np.inf
            if node_group[left] != mine:
                left_sq = max(_least_sq(rows, i, lows, highs, left), core_sq[i], node_core[left])
            if node_group[right] != mine:
                right_sq = max(_least_sq(rows, i, lows, highs, right), core_sq[i], node_core[right])
            if left_sq < right_sq or (left_sq == right_sq and i < ends[left]):
                left, right, left_sq, right_sq = right, left, right_sq, left_sq
            if left_sq < shortest:
                stack[height], stack_sq[height] = left, left_sq
                height += 1
            if right_sq < shortest:
                stack[height], stack_sq[height] = right, right_sq
                height += 1
        at_least[i] = max(at_least[i], shortest)
        if to >= 0:
            way_to[i] = to
            best_sq[mine], best_from[mine], best_to[mine] = shortest, i, to


@njit(cache=True, nogil=True)
def _join_groups(parents, sizes, group, best, largest, edges, n_edges):
    """Ends a round: every group takes its shortest edge. Returns the number of edges so far."""
    best_sq, best_from, best_to = best
    first, second, reach_sq = edges
    n = len(group)
    for mine in range(n):
        if group[mine] != mine or mine == largest:
            continue
        one, other = _find_root(parents, best_from[mine]), _find_root(parents, best_to[mine])
        if one == other:
            continue
        if sizes[one] < sizes[other]:
            one, other = other, one
        parents[other] = one
        sizes[one] += sizes[other]
        first[n_edges], second[n_edges], reach_sq[n_edges] = best_from[mine], best_to[mine], best_sq[mine]
        n_edges += 1
    for i in range(n):
        group[i] = _find_root(parents, i)
    return n_edges


@njit(cache=True, nogil=True)
def line_up_points(first, second, n):
    """Sort the points into a row in which the groups at any cut are contiguous.

    Args:
        first, second: The tree's edges by rising reachability.
        n: Number of points.

    Returns:
        The points in the order of the row, int32, shape ``(n,)``, and for each but the last the edge that joins it to
        the next, int32, shape ``(n - 1,)``: both are in one group if that edge is not cut.
    """
    parents = np.arange(n)
    sizes = np.ones(n, dtype=np.int64)
    heads = np.arange(n)
    tails = np.arange(n)
    following = np.full(n, -1, dtype=np.int64)
    joint = np.full(n, -1, dtype=np.int64)
    for edge in range(n - 1):
        one, other = _find_root(parents, first[edge]), _find_root(parents, second[edge])
        following[tails[one]] = heads[other]
        joint[tails[one]] = edge
        head, tail = heads[one], tails[other]
        if sizes[one] < sizes[other]:
            one, other = other, one
        parents[other] = one
        sizes[one] += sizes[other]
        heads[one], tails[one] = head, tail
    row = np.empty(n, dtype=np.int32)
    joints = np.empty(max(n - 1, 0), dtype=np.int32)
    i = heads[_find_root(parents, 0)]
    for place in range(n):
        row[place] = i
        if place < n - 1:
            joints[place] = joint[i]
        i = following[i]
    return row, joints


@njit(cache=True, nogil=True)
def find_border_reach(neighbours, neighbours_sq, core_sq):
    """The squared eps from which on each point is no noise: a core point, or within eps of one."""
    n, k = neighbours.shape
    found = core_sq.copy()
    for i in range(n):
        for slot in range(k):
            found[i] = min(found[i], max(neighbours_sq[i, slot], core_sq[neighbours[i, slot]]))
    return found


@njit(cache=True, nogil=True)
def cut_row(eps_sq, row, places, joints_sq, core_sq, border_sq, neighbours, neighbours_sq):
    """Clusters at one eps, numbered by their first core point; in the order of the points, ``(n,)``, int32, -1 noise.

    All but the first two are in the order of the row, where what lies together on the plane mostly lies together in
    memory: with a million points that is most of the time.

    Args:
        eps_sq: Squared eps.
        row: From ``line_up_points``, shape ``(n,)``.
        places: The position of each point in the row, shape ``(n,)``.
        joints_sq: Squared reachability between each position and the next, shape ``(n - 1,)``.
        core_sq, border_sq: Squared eps from which on each is a core point, or no noise, shape ``(n,)``.
        neighbours, neighbours_sq: Positions of the nearest others and their squared distances, shape ``(n, k)``.
    """
    n, k = neighbours.shape
    groups = np.empty(n, dtype=np.int32)
    starts = np.empty(n, dtype=np.int32)  # the first core point of each group
    group = -1
    for place in range(n):
        if core_sq[place] <= eps_sq:
            if place == 0 or joints_sq[place - 1] > eps_sq:
                group += 1
                starts[group] = row[place]
            elif row[place] < starts[group]:
                starts[group] = row[place]
            groups[place] = group
        else:
            groups[place] = -1
    n_groups = group + 1
    numbers = np.empty(n_groups, dtype=np.int32)
    for number, group in enumerate(np.argsort(starts[:n_groups])):
        numbers[group] = number
    for place in range(n):
        if border_sq[place] <= eps_sq:
            if core_sq[place] <= eps_sq:
                continue
            nearest_sq, nearest = np.inf, -1
            for slot in range(k):
                distance, j = neighbours_sq[place, slot], neighbours[place, slot]
                if distance > eps_sq or distance > nearest_sq:
                    break
                if core_sq[j] <= eps_sq and (distance < nearest_sq or row[j] < row[nearest]):
                    nearest_sq, nearest = distance, j
            groups[place] = groups[nearest]
    labels = np.empty(n, dtype=np.int32)
    for i in range(n):
        group = groups[places[i]]
        labels[i] = numbers[group] if group >= 0 else -1
    return labels
