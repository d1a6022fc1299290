"""The card of a bundle."""

from core.disk.inside import inside
from core.errors import AnomalureError
from core.study.project import Project

MOST_BYTES = 200_000


def read_card(project: Project, bundle: str) -> str:
    """The card of a bundle, in Markdown without pictures.

    A bundle may come from somebody else, and a picture that its card names would be fetched from the internet.

    Raises:
        AnomalureError: If it cannot be read.
    """
    path = inside(project.bundles_dir / bundle, "MODEL_CARD.md")
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace").replace("![", "!\\[")
    except OSError as error:
        raise AnomalureError(f"The card of {bundle} cannot be read ({error.strerror}).") from error
