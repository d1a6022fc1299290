"""A download of a published model into the cache of this computer."""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import SHARE, SHARES, Phase
from core.work.repeated import RepeatedWork
from core.work.request import Request


@dataclass(frozen=True, kw_only=True)
class ModelRequest(Request):
    """Get the model of this name; ``name`` is that of the folder, see ``ask_for``."""

    kind: ClassVar[str] = "model"
    room: ClassVar[str] = "downloads"
    what: ClassVar[str] = "download"

    model: str


class DownloadWork(RepeatedWork):
    """A download; a new request of the same model replaces the one before."""

    what = "download"


REQUEST = ModelRequest
open_work = DownloadWork


def ask_for(model: str) -> ModelRequest:
    """The request for a model by its name."""
    return ModelRequest(name=model.replace("/", "--"), model=model)


def check(project: Project, request: ModelRequest) -> None:
    """Refuse a model that is not in the table, or whose terms were not agreed to.

    Raises:
        AnomalureError: If it is so.
    """
    from models.published.cache import check_terms
    from models.published.table import get_model

    check_terms(get_model(request.model))


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Download what is missing of it.

    Raises:
        AnomalureError: If it cannot be had; what is there of it is kept and resumed.
        Cancelled: If somebody asked it to stop; the same.
    """
    from models.published.cache import check_file
    from models.published.fetching import fetch_files
    from models.published.table import get_model

    model = get_model(work.read_request(ModelRequest).model)
    meter.begin(Phase.DOWNLOAD, total=SHARES, unit=SHARE)

    def follow(done: int, total: int) -> None:
        of = f" of {total / 1e6:,.0f}" if total else ""
        meter(round(SHARES * done / total) if total else 0, message=f"{done / 1e6:,.0f}{of} MB")

    paths = fetch_files(model, instead="", on_progress=follow)
    receipts = [check_file(model, file) for file in model.files]
    result = {
        "model": model.name,
        "files": [str(path) for path in paths],
        "sha256": [receipt.sha256 for receipt in receipts],
        "is_checked": all(receipt.is_checked for receipt in receipts),
    }
    work.write_result(result)
    return result
