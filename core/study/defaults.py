"""What new bundles of a project are made with where nobody says otherwise: chosen by a comparison on its own photos."""

from dataclasses import dataclass
from pathlib import Path

from core.disk.files import read_whole, write_whole
from core.disk.json import from_json, to_json
from core.errors import AnomalureError

FILE = "defaults.json"


@dataclass(frozen=True, kw_only=True)
class BundleDefaults:
    """The encoder and one-class model of new bundles.

    Attributes:
        encoder: Words of ``models.encoders.sources.named.read_encoder``.
        one_class: Name of the one-class model.
        comparison: The comparison that they were chosen by.
    """

    encoder: str
    one_class: str
    comparison: str = ""

    def say(self) -> str:
        """A sentence for whoever makes a bundle."""
        by = f", chosen by the comparison {self.comparison}" if self.comparison else ""
        return f"This project's usual encoder is {self.encoder} with the one-class model {self.one_class}{by}."


def read_bundle_defaults(project: Path) -> BundleDefaults | None:
    """Those of the project in this folder; None if it has none.

    Raises:
        AnomalureError: If the file is damaged.
    """
    try:
        return from_json(read_whole(project / FILE), BundleDefaults)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AnomalureError(
            f"{project / FILE} cannot be read ({error}). It holds the project's usual encoder and one-class model. "
            "Delete it, or choose them anew on Evaluate."
        ) from error


def write_bundle_defaults(project: Path, defaults: BundleDefaults | None) -> None:
    """Set them; None: the project has none from now on."""
    if defaults is None:
        (project / FILE).unlink(missing_ok=True)
    else:
        write_whole(project / FILE, to_json(defaults), durable=True)
