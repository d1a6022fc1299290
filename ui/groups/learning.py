"""Below the title of the Groups page: make the first bundle from the names, and review what fits none of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.errors import AnomalureError
from core.records import NOTHING, PERSON, CropKind, Decision
from core.review.filters import QueueFilters
from core.review.index import ReviewIndex
from core.review.training_labels import UNNAMED, is_held_out, name_group
from core.study.bundles import read_bundles
from core.study.project import Project
from core.study.retrainings import FOLDER, Retraining
from core.work.folder import Status, WorkFolder
from models.jobs.retrain import RetrainRequest
from ui.groups.opened import OpenGroups
from ui.retrain.form import suggest_name
from ui.review.filters import look_on
from ui.shared.messages import notice
from ui.shared.routes import REVIEW, RUN, go_to
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown
from ui.work import start
from ui.work.panel import Panel, is_running

POLL_S = 3.0
MOST_LISTED = 4


@dataclass(frozen=True)
class Learnable:
    """Which species have enough named crops for a bundle, and which not yet: crops and events of the training share.

    ``named`` are all usual crops of each species, also those that are held out. ``n_undecided`` crops are what Review
    would show as undecided; ``is_begun``: somebody has decided about at least one crop.
    """

    enough: Mapping[str, tuple[int, int]]
    too_few: Mapping[str, tuple[int, int]]
    named: Mapping[str, int]
    n_undecided: int
    is_begun: bool

    @property
    def problem(self) -> str:
        """Why no bundle can be made yet, in a sentence; empty if it can."""
        if self.enough:
            return ""
        crops, events = _read_limits()
        if not self.too_few:
            return "Name some usual groups first."
        name, (n_crops, n_events) = max(self.too_few.items(), key=lambda item: item[1])
        return (
            f"Name more usual crops first: a species needs {crops} crops of {events} events, beside those that are "
            f"held out. {name} has {count(n_crops, 'crop')} of {count(n_events, 'event')}."
        )


def _read_limits() -> tuple[int, int]:
    from models.loop.retraining import ENOUGH_CROPS, ENOUGH_EVENTS  # imports scikit-learn, which takes a second

    return ENOUGH_CROPS, ENOUGH_EVENTS


def read_learnable(index: ReviewIndex) -> Learnable:
    """What could be learned from the verdicts that hold in a run."""
    decided = index.read_decided().select(["place", "verdict", "verdict_species"]).to_pandas()
    normal = decided[(decided["verdict"] == Decision.NORMAL) & ~decided["verdict_species"].isin([NOTHING, PERSON])]
    found: dict[str, tuple[int, int]] = {}
    named: dict[str, int] = {}
    if len(normal):
        rows = index.catalogue.take(normal["place"].to_numpy())
        events = np.array(
            [name_group(photo, event) for photo, event in zip(rows["photo_id"], rows["event_id"], strict=True)]
        )
        # As a bundle is made of them: a crop that nobody named counts as what the run takes it for.
        given, taken_for = normal["verdict_species"].to_numpy(), rows["species"].to_numpy()
        is_frame = (rows["kind"] == CropKind.FRAME).to_numpy()
        given = np.where((given == "") & ~is_frame, np.where(taken_for == "", UNNAMED, taken_for), given)
        in_training = ~is_held_out(events)
        for species in sorted(set(given) - {""}):
            mask = in_training & (given == species)
            named[species] = int((given == species).sum())
            found[species] = int(mask.sum()), len(set(events[mask]))
    crops, events_needed = _read_limits() if found else (0, 0)
    enough = {name: n for name, n in found.items() if n[0] >= crops and n[1] >= events_needed}
    view = index.open_view(QueueFilters(flagged_only=False))
    return Learnable(
        enough,
        {name: n for name, n in found.items() if name not in enough},
        named,
        n_undecided=view.n_selected - view.n_decided,
        is_begun=len(decided) > 0,
    )


def show_learning(project: Project, opened: OpenGroups) -> None:
    """The row under the title, and the panel of a bundle that is being made."""
    _show_row(project, opened)
    name = PANEL.find(Retraining.list_all(project.path / FOLDER))
    if name:
        PANEL.show(project, Retraining.of(project.path, name))


@st.fragment(run_every=POLL_S)
def _show_row(project: Project, opened: OpenGroups) -> None:
    learnable = read_learnable(project.review_index(opened.run))
    name = str(st.session_state.get(PANEL.key, ""))
    is_busy = bool(name) and is_running(Retraining.of(project.path, name))
    with st.container(horizontal=True, vertical_alignment="center", key="groups-learning"):
        if st.button(
            "Learn these",
            key="learn-these",
            type="primary",
            icon=":material/school:",
            disabled=bool(learnable.problem) or is_busy,
            help=learnable.problem
            or "Makes a bundle of the usual groups that have a name. Later runs are scored against it, so that only "
            "what is unlike them is flagged. About three in ten of the crops are held out, by whole events, to set the "
            "limits by.",
        ):
            _learn(project, opened)
            st.rerun()  # the whole page, which shows the panel
        st.markdown(escape_markdown(say_learnable(learnable)))
        if st.button(
            say_rest(learnable),
            key="review-rest",
            icon=":material/fact_check:",
            disabled=not learnable.n_undecided,
            help="Crops that no named group holds, likely anomalies first.",
        ):
            look_on()
            go_to(REVIEW, **{Key.RUN.value: opened.run.run_id})


def say_rest(learnable: Learnable) -> str:
    """What the button to Review offers."""
    if not learnable.n_undecided:
        return "No crop is left to review"
    if not learnable.is_begun:
        return "Review crop by crop instead"
    return f"Review the other {count(learnable.n_undecided, 'crop')}"


def say_learnable(learnable: Learnable) -> str:
    """Which species a bundle would know, in a line."""
    if learnable.problem:
        return learnable.problem
    most_first = sorted(learnable.enough, key=lambda name: -learnable.named[name])
    called = [f"{UNNAMED}, without a species" if name == UNNAMED else name for name in most_first]
    names = [f"{one} ({learnable.named[name]:,})" for one, name in zip(called, most_first, strict=True)]
    names[0] = f"{called[0]} ({count(learnable.named[most_first[0]], 'crop')})"
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"Enough to learn: {', '.join(names[:MOST_LISTED])}{more}."


def _learn(project: Project, opened: OpenGroups) -> None:
    made_from = opened.run.info.bundle
    taken = set(read_bundles(project)["name"]) | {path.name for path in project.bundles_dir.iterdir()}
    taken |= {work.name for work in Retraining.list_all(project.path / FOLDER) if work.status is not Status.FAILED}
    request = RetrainRequest(name=suggest_name(made_from, taken), made_from=made_from, activate=True)
    try:
        start.start(project, request)
    except (AnomalureError, OSError) as error:
        notice(f"The bundle could not be made: {error}")
    else:
        PANEL.follow(request.name)


def _run_again(project: Project, name: str, run_id: str) -> None:
    st.session_state[Key.FOLDER] = project.run(run_id).info.folder
    st.session_state[Key.BUNDLE] = name
    st.session_state.pop(Key.WATCHED_RUN, None)  # the panel of the run before would push the form out of sight


def _show_result(project: Project, work: WorkFolder) -> None:
    report = work.read_result()
    if not report:
        return
    names = ", ".join(escape_markdown(name) for name in report["species"])
    st.success(
        f"The bundle **{escape_markdown(work.name)}** knows {names}. New runs use it from now on.",
        icon=":material/task_alt:",
    )
    trained = ", ".join(f"{n:,} of {escape_markdown(name)}" for name, n in report["species"].items())
    st.caption(f"Trained on {trained}. The other crops that you named are held out, to set the limits by.")
    run = st.session_state.get(Key.RUN) or (latest.run_id if (latest := project.latest_run()) else "")
    if run and st.button(
        "Run the photos again with it", key="run-again", type="primary", icon=":material/play_circle:"
    ):
        _run_again(project, work.name, str(run))
        go_to(RUN)


def _say_kept(work: WorkFolder) -> str:
    return "No bundle was made; the names are kept."


PANEL = Panel(
    kind=RetrainRequest.kind,
    what="bundle",
    key=Key.GROUPS_LEARNING,
    preparing="reading the names",
    stopping="Stopping after this step; no bundle will be made.",
    say_kept=_say_kept,
    show_result=_show_result,
    title=lambda work: f"Bundle {work.name}",
)
