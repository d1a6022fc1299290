"""A model of whole images: learn what normal images look like, and answer for a folder of other ones."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from core.errors import AnomalureError
from core.settings.images import ImageSettings
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import SHARE, SHARES, Phase
from core.work.request import Request
from core.work.whole import WholeWork

DESCRIPTOR, ONE_CLASS = "texture", "isolation_forest"
TABLE = "answers.csv"
FAILURES_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class ImagesRequest(Request):
    """What a user asks of a model of images.

    Attributes:
        normal: The folder of normal images.
        asked: The folder of images to answer for; None: the model is only made.
        descriptor: Of ``models.images.descriptors``.
        one_class: Name of the one-class model.
        settings: Of the descriptor, and the false-alarm rate.
        seed: Of whatever is drawn.
    """

    kind: ClassVar[str] = "images"
    room: ClassVar[str] = "images"
    what: ClassVar[str] = "model of images"

    normal: Path
    asked: Path | None = None
    descriptor: str = DESCRIPTOR
    one_class: str = ONE_CLASS
    settings: ImageSettings = field(default_factory=ImageSettings)
    seed: int = 0


REQUEST = ImagesRequest
open_work = WholeWork


def check(project: Project, request: ImagesRequest) -> None:
    """Refuse what can be seen to be wrong before an image is read.

    Raises:
        AnomalureError: If there is a model of that name, or a choice or a folder cannot be used.
    """
    from models.images.descriptors.descriptor import make_descriptor
    from models.images.model import FACTS
    from models.one_class.methods import check_one_class

    if (project.path / request.work_id / FACTS).exists():
        raise AnomalureError(f"There is a model of images named {request.name} already. Choose another name.")
    make_descriptor(request.descriptor, request.settings)
    check_one_class(request.one_class)
    for folder in (request.normal, request.asked):
        if folder is not None and not folder.is_dir():
            raise AnomalureError(f"There is no folder {folder}. Give a folder of images.")


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Make the model in the folder of the work, and the table of answers beside it.

    Raises:
        AnomalureError: If there are too few images, or a folder cannot be read; no model is left then.
        Cancelled: If somebody asked it to stop.
    """
    from models.images.answering import answer_folder, write_table
    from models.images.descriptors.descriptor import make_descriptor
    from models.images.folder import describe_folder
    from models.images.model import FACTS, ImageModel, fit_images

    request = work.read_request(ImagesRequest)
    result: dict[str, Any] = {"model": request.name, "descriptor": request.descriptor, "one_class": request.one_class}
    if (work.path / FACTS).exists():  # resumed after it was made
        model = ImageModel.load(work.path)
    else:
        descriptor = make_descriptor(request.descriptor, request.settings)
        meter.begin(Phase.PHOTOS, unit="image", message="Reading the normal images.")
        learned = describe_folder(request.normal, descriptor, on_progress=meter)
        meter.begin(Phase.MODELS, total=SHARES, unit=SHARE)
        model = fit_images(
            learned.stack(sum(descriptor.sections)),
            learned.content_ids,
            descriptor=descriptor,
            name=request.descriptor,
            one_class=request.one_class,
            seed=request.seed,
            on_share=lambda share: meter(round(SHARES * share)),
        )
        model.save(work.path)
        result |= {"normal": len(learned.file_names), "normal_failed": len(learned.failures)}
        result["failures"] = _name_failures(learned.failures)
    if request.asked is not None:
        meter.begin(Phase.SCORES, unit="image", message="Reading the images to answer for.")
        found = answer_folder(model, request.asked, on_progress=meter)
        write_table(found.images, work.path / TABLE)
        result |= {
            "asked": len(found.images),
            "outliers": found.n_outliers,
            "failed": len(found.failures),
            "table": str(work.path / TABLE),
        }
        result["failures"] = [*result.get("failures", ()), *_name_failures(found.failures)]
    work.write_result(result)
    return result


def is_flawed(result: dict[str, Any]) -> bool:
    """Whether images could not be read."""
    return bool(result.get("failed") or result.get("normal_failed"))


def _name_failures(failures: Any) -> list[dict[str, str]]:
    return [{"file_name": name, "why": why} for name, why in failures[:FAILURES_NAMED]]
