"""Exports as a Camtrap DP package: a folder of tables, or a zip of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from core.errors import AnomalureError
from core.export.formats.format import Format, Source, Written
from core.export.package_facts import NO_ZONE, read_zone
from core.formats.camtrap_dp.reader import PACKAGE_FILE
from core.formats.camtrap_dp.writer import write_camtrap_dp
from core.formats.exported import Row


def write(rows: Iterable[Row], path: Path, source: Source) -> Written:
    """Write the tables of deployments, media and observations, and what the package says of itself.

    Raises:
        AnomalureError: If a camera has no coordinates, or nobody has said the zone of the clocks.
    """
    facts = source.facts
    without = [name for name in source.cameras if name not in facts.places]
    if without:
        how_many = "1 camera has" if len(without) == 1 else f"{len(without):,} cameras have"
        raise AnomalureError(
            f"Camtrap DP demands the coordinates of each camera, and {how_many} none: "
            f"{', '.join(name or '(no name)' for name in without[:10])}. Give them on the Export page, or with "
            "--places and a CSV of deployment, latitude and longitude."
        )
    if not facts.zone:
        raise AnomalureError(NO_ZONE)
    package = write_camtrap_dp(
        rows,
        path,
        places=facts.places,
        zone=read_zone(facts.zone),
        title=facts.title or source.title,
        contributor=facts.contributor or "not stated",
        created=datetime.now(UTC),
        sampling_design=facts.sampling_design,
        classifier=source.classifier,
        species_names=facts.species_names,
    )
    return Written(package.n_observations, package.n_media, package.problems)


FORMAT = Format(
    name="camtrap-dp",
    label="Camtrap DP",
    about="The exchange format of camera-trap data, for GBIF, Agouti and others: deployments, media and observations, "
    "as a zip.",
    file_name=PACKAGE_FILE,
    write=write,
    is_package=True,
    picture_kinds=frozenset({"photos"}),
    needs_places=True,
    takes_labels=True,
)
