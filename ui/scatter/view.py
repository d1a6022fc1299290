"""What the Explore page shows, as one value for the session, the address and saved views."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.maps.projection import Projection, ProjectionKind
from ui.scatter.colours import COLOUR_WORDS

DEFAULT_MIN_SAMPLES = 10
DEFAULT_MIN_CLUSTER_SIZE = 10
Corner = tuple[float, float]
Outline = tuple[Corner, ...]
Range = tuple[float, float, float, float]
Address = dict[str, str | list[str]]


class Method(StrEnum):
    """How crops are grouped."""

    DBSCAN = "dbscan"
    HDBSCAN = "hdbscan"


class PickKind(StrEnum):
    """How crops were selected."""

    OUTLINE = "outline"
    NOISE = "noise"
    CLUSTER = "cluster"
    SPECIES = "species"
    AGREEMENT = "agreement"


@dataclass(frozen=True)
class Pick:
    """Which crops are selected on one plot: those inside one of ``outlines``, noise, or what ``value`` names.

    ``value`` is the number of a cluster (from 1), a species, or a group by flag and noise (ui/explore/picks.py).
    ``side`` is 0 for the plot on the left (or the only one), 1 for the other. ``on`` is the map that outlines were
    drawn on, so that they select the same crops on every map; None: the map that is shown.
    """

    kind: PickKind
    side: int = 0
    value: str = ""
    outlines: tuple[Outline, ...] = ()
    on: Projection | None = None


@dataclass(frozen=True)
class Side:
    """One plot: the run, its projection and grouping, and the visible part (None: all).

    ``eps`` is None for the suggested one; ``on_map``: whether distances on the plot group the
    crops, or else those of the embeddings.
    """

    run: str = ""
    projection: Projection = field(default_factory=Projection)
    method: Method = Method.DBSCAN
    eps: float | None = None
    min_samples: int = DEFAULT_MIN_SAMPLES
    min_cluster_size: int = DEFAULT_MIN_CLUSTER_SIZE
    on_map: bool = True
    view: Range | None = None


@dataclass(frozen=True)
class View:
    """Everything that the page shows. ``sides`` has one plot, or two that are compared.

    ``off`` are the species that are not drawn, ``fade`` the opacity of others (0 to 1); ``rings`` marks noise.
    """

    sides: tuple[Side, ...] = (Side(),)
    colour: str = "species"
    off: tuple[str, ...] = ()
    fade: Mapping[str, float] = field(default_factory=dict)
    rings: bool = True
    pick: Pick | None = None

    @property
    def is_comparing(self) -> bool:
        """Whether there are two plots side by side."""
        return len(self.sides) > 1

    def with_side(self, side: int, **changes: object) -> "View":
        """The view with one plot changed. A selection that depends on the change is cleared."""
        sides = list(self.sides)
        sides[side] = replace(sides[side], **changes)  # type: ignore[arg-type]
        pick = self.pick
        if pick is not None and pick.side == side and changes.keys() & _undoes(pick):
            pick = None
        return replace(self, sides=tuple(sides), pick=pick)

    def to_address(self) -> Address:
        """The view as the parameters of an address, without those that have their default."""
        address: Address = {}
        for number, side in enumerate(self.sides, start=1):
            end = "" if number == 1 else str(number)
            address |= {name + end: text for name, text in _side_to_texts(side).items()}
        if self.colour != "species":
            address["colour"] = self.colour
        if self.off:
            address["off"] = list(self.off)
        if self.fade:
            address["fade"] = [f"{name}:{share:g}" for name, share in sorted(self.fade.items())]
        if not self.rings:
            address["rings"] = "0"
        if self.pick is not None:
            address["pick"] = _pick_to_text(self.pick)
        return address

    @classmethod
    def from_address(cls, address: Mapping[str, str | Sequence[str]]) -> "View":
        """Read the parameters of ``to_address``. Invalid ones are ignored, because links may be typed by hand."""
        texts = {name: [value] if isinstance(value, str) else list(value) for name, value in address.items()}
        first = {name: values[-1] for name, values in texts.items() if values}
        sides = [_texts_to_side(first, "")]
        if "map2" in first:
            sides.append(_texts_to_side(first, "2"))
        colour = first.get("colour", "species")
        fade = {}
        for text in texts.get("fade", []):
            name, _, share = text.rpartition(":")
            strength = _to_number(share)
            if name and strength is not None and 0 <= strength <= 1:
                fade[name] = strength
        pick = _text_to_pick(first.get("pick", ""))
        return cls(
            sides=tuple(sides),
            colour=colour if colour in COLOUR_WORDS else "species",
            off=tuple(texts.get("off", [])),
            fade=fade,
            rings=first.get("rings") != "0",
            pick=pick if pick is None or pick.side < len(sides) else None,
        )


def _undoes(pick: Pick) -> set[str]:
    """The changes of a plot that would change the meaning of a selection."""
    match pick.kind:
        case PickKind.OUTLINE:
            return {"run", "projection"} if pick.on is None else {"run"}
        case PickKind.CLUSTER | PickKind.AGREEMENT:
            return {"run", "projection", "method", "eps", "min_samples", "min_cluster_size", "on_map"}
    return {"run"}


def _side_to_texts(side: Side) -> dict[str, str]:
    usual = Side()
    texts = {"run": side.run, "map": side.projection.key}
    if side.method is not usual.method:
        texts["method"] = side.method.value
    if side.eps is not None:
        texts["eps"] = f"{side.eps:g}"
    if side.min_samples != usual.min_samples:
        texts["min"] = str(side.min_samples)
    if side.min_cluster_size != usual.min_cluster_size:
        texts["size"] = str(side.min_cluster_size)
    if not side.on_map:
        texts["by"] = "look"
    if side.view is not None:
        texts["view"] = ",".join(f"{edge:g}" for edge in side.view)
    return texts


def _texts_to_side(texts: Mapping[str, str], end: str) -> Side:
    def read(name: str) -> str:
        return texts.get(name + end, "")

    edges = [_to_number(edge) for edge in read("view").split(",")]
    view = tuple(edge for edge in edges if edge is not None)
    return Side(
        run=read("run"),
        projection=_text_to_projection(read("map")),
        method=Method(read("method")) if read("method") in list(Method) else Method.DBSCAN,
        eps=_to_number(read("eps")),
        min_samples=_to_count(read("min"), DEFAULT_MIN_SAMPLES),
        min_cluster_size=_to_count(read("size"), DEFAULT_MIN_CLUSTER_SIZE),
        on_map=read("by") != "look",
        view=(view[0], view[1], view[2], view[3])
        if len(view) == 4 and view[0] < view[1] and view[2] < view[3]
        else None,
    )


def _text_to_projection(text: str) -> Projection:
    """Read a ``Projection.key``."""
    kind, *rest = text.split("-")
    numbers = [_to_number(part) for part in rest]
    match kind, numbers:
        case "tsne", [float(perplexity)]:
            return Projection(perplexity=perplexity)
        case "umap", [float(n), float(distance), float(seed)] if n == int(n) and seed == int(seed):
            return Projection(kind=ProjectionKind.UMAP, n_neighbors=int(n), min_dist=distance, seed=int(seed))
        case "pca", []:
            return Projection(kind=ProjectionKind.PCA)
    return Projection()


def _pick_to_text(pick: Pick) -> str:
    what = pick.value
    if pick.kind is PickKind.OUTLINE:
        outlines = [";".join(f"{x:g},{y:g}" for x, y in outline) for outline in pick.outlines]
        what = "/".join([*([] if pick.on is None else [pick.on.key]), *outlines])
    return f"{pick.side + 1}:{pick.kind.value}:{what}"


def _text_to_pick(text: str) -> Pick | None:
    found = re.fullmatch(r"([12]):([a-z]+):(.*)", text, re.DOTALL)
    if found is None or found[2] not in list(PickKind):
        return None
    kind, side, value = PickKind(found[2]), int(found[1]) - 1, found[3]
    if kind is not PickKind.OUTLINE:
        return Pick(kind, side, value)
    first, *rest = value.split("/")
    on = None if "," in first else _text_to_projection(first)
    outlines = [_text_to_outline(text) for text in ([first, *rest] if on is None else rest)]
    whole = tuple(outline for outline in outlines if outline is not None)
    return Pick(kind, side, outlines=whole, on=on) if whole and len(whole) == len(outlines) else None


def _text_to_outline(text: str) -> Outline | None:
    corners = [[_to_number(part) for part in corner.split(",")] for corner in text.split(";")]
    outline = tuple(
        (corner[0], corner[1])
        for corner in corners
        if len(corner) == 2 and corner[0] is not None and corner[1] is not None
    )
    return outline if len(outline) >= 3 and len(outline) == len(corners) else None


def _to_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _to_count(text: str, usual: int) -> int:
    number = _to_number(text)
    return int(number) if number is not None and number == int(number) else usual
