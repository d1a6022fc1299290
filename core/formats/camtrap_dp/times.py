"""Where and when cameras of a Camtrap DP package stood, and what could not be said of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a camera was deployed: degrees (WGS84), local times (``None``: not known)."""

    latitude: float
    longitude: float
    start: datetime | None = None
    end: datetime | None = None


def say_times(used: Mapping[str, Place], places: Mapping[str, Place]) -> Iterator[str]:
    """Sentences about deployments whose start or end is not known, or not before and after their photos."""
    unknown = [name for name in used if places[name].start is None or places[name].end is None]
    if unknown:
        yield (
            f"{_count_cameras(len(unknown))} no start and end of the deployment, so those of the first and last photo "
            f"were written: {_list_some(unknown)}. Trapping effort depends on the true ones: give them with the "
            "places of the cameras"
        )
    reversed_ = [name for name, place in used.items() if place.start and place.end and place.start > place.end]
    if reversed_:
        yield f"{_count_cameras(len(reversed_))} a deployment that ends before it starts: {_list_some(reversed_)}"


def say_unnamed(species: list[str]) -> Iterator[str]:
    """A sentence about species without a scientific name, if there are any."""
    if species:
        have = "1 species has" if len(species) == 1 else f"{len(species)} species have"
        yield (
            f"{have} no scientific name in the project's list, so the local name was written, in observationTags: "
            f"{_list_some(species)}"
        )


def _count_cameras(n: int) -> str:
    return "1 camera has" if n == 1 else f"{n:,} cameras have"


def _list_some(names: list[str]) -> str:
    return ", ".join(name or "(no name)" for name in names[:10]) + (", ..." if len(names) > 10 else "")
