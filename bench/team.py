"""A team at the board: 20 reviewers who each decide once a second, while other processes write into the database, too.

python bench/team.py [--quick] [--json]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for _place in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(_place))

from bench.reliability import (  # noqa: E402  (the project must be on the path first)
    CROPS,
    Dashboard,
    Figures,
    Reviewer,
    make_reviewers,
    print_figures,
    read_ids,
    work_in_threads,
)
from bench.targets import at_most, report  # noqa: E402
from core.study.project import Project  # noqa: E402
from tests.fakes.project import make_project  # noqa: E402

TEAM, TEAM_S, QUICK_TEAM_S = 20, 60, 20

WRITER = """
import sys, time
from pathlib import Path
from uuid import uuid4
from core.store.database import Store
from tests.fakes.verdicts import make_verdict

store = Store(Path(sys.argv[1]), patience_s=60)
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    one = make_verdict(verdict_id=uuid4().hex)
    store.append_verdicts([one])
    print(one.verdict_id, flush=True)
    time.sleep(0.5)
"""


def measure_team(dashboard: Dashboard, project: Project, *, seconds: int) -> Figures:
    """A team: each decides once a second, and two other processes write twice a second, as a run and a training do.

    A time is counted from when a decision is due until it is shown as saved, so that nobody who waits is left out.
    """
    people = make_reviewers(dashboard, project, TEAM)
    while not people[0].decide():
        time.sleep(0.1)  # the dashboard has read the run
    waited: list[float] = []
    before = len(read_ids(project))
    database = str(project.path / "anomalure.duckdb")
    command = [sys.executable, "-c", WRITER, database, str(seconds)]
    writers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    began = time.monotonic() + 1

    def review(nth: int, one: Reviewer) -> None:
        for n in range(seconds):
            due = began + n + nth / TEAM
            time.sleep(max(0.0, due - time.monotonic()))
            done = one.decide()
            while not done:
                done = one.send()
            waited.append(time.monotonic() - due)

    work_in_threads([partial(review, nth, one) for nth, one in enumerate(people)])
    took = time.monotonic() - began
    theirs = {line.strip() for one in writers for line in (one.communicate()[0] or "").splitlines()}
    ids = read_ids(project)
    saved = set().union(*(one.saved for one in people))
    figures = Figures()
    figures.add("team: reviewers, one decision a second each", TEAM)
    figures.add("team: decisions a second", round(TEAM * seconds / took, 1))
    figures.add("team: lost", len((saved | theirs) - set(ids.index)), wanted=0)
    figures.add("team: doubled", int((ids > 1).sum()), wanted=0)
    figures.add("team: kept beyond those", len(ids) - before - TEAM * seconds - len(theirs), wanted=0)
    figures.add("team: written by two other processes", len(theirs))
    for share in (50, 95, 99):
        figures.add(f"team: ms until saved, {share}%", round(1000 * sorted(waited)[int(len(waited) * share / 100)]))
    p95 = figures.values["team: ms until saved, 95%"]
    figures.targets.append(at_most("team: ms until saved, 95%", p95, 500))
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 seconds in place of 60")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anomalure-team-"))
    try:
        project = make_project(folder, CROPS, shard_photos=200)
        dashboard = Dashboard(project.path, folder / "server.log")
        try:
            dashboard.start()
            figures = measure_team(dashboard, project, seconds=QUICK_TEAM_S if arguments.quick else TEAM_S)
        finally:
            dashboard.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shown = {**figures.values, "quick": arguments.quick}
    report(shown, figures.targets, as_json=arguments.json, print_figures=lambda: print_figures(figures.values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
