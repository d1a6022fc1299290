"""An export: writes reviewed crops, or others, to a file that the project keeps for download."""

from typing import Any

from core.disk.inside import inside
from core.errors import AnomalureError
from core.export.jobs import ExportJob, ExportRequest, say_outside
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import Phase

REQUEST = ExportRequest
open_work = ExportJob


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Write the file; returns ``ExportReport.to_values()``."""
    from core.export.files import write_export
    from models.guesses.names import find_own_names
    from models.guesses.of_run import keep_run_guesses

    request = work.read_request(ExportRequest)
    if request.out is not None and not work.is_asked_here:
        raise AnomalureError(say_outside(request.out))
    if (run := project.run(request.choice.run) if request.choice.run else project.latest_run()) is not None:
        keep_run_guesses(run)
    out = request.out
    if out is None:
        folder = inside(work.path, "file")
        folder.mkdir(exist_ok=True)
        out = inside(folder, request.file_name)  # the request may have come from somebody else
    meter.begin(Phase.PHOTOS, unit="item")

    def follow(done: int, total: int) -> None:
        if done < total:  # a complete file is kept
            meter(done, total)

    report = write_export(
        project,
        request.choice,
        out,
        format=request.format,
        pictures=request.pictures,
        name_guesses=find_own_names,
        on_progress=follow,
    ).to_values()
    work.write_result(report)
    return report


def is_flawed(result: Any) -> bool:
    """Whether some pictures could not be read."""
    return bool(result.get("pictures_missing"))
