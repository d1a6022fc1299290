"""The card of a bundle."""

from core.errors import AnomalureError
from core.study.project import Project


def read_card(project: Project, bundle: str) -> str:
    """The card of a bundle, in Markdown.

    Raises:
        AnomalureError: If it cannot be read.
    """
    path = project.bundles_dir / bundle / "MODEL_CARD.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AnomalureError(f"The card of {bundle} cannot be read ({error.strerror}).") from error
