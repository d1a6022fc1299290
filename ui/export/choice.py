"""What to export: filters, format, pictures, people; each kept while the session lasts."""

from dataclasses import dataclass
from datetime import date

import streamlit as st

from core.errors import AnomalureError
from core.export.choice import UNDECIDED, VERDICTS, ExportChoice
from core.export.formats.format import DEFAULT, list_formats
from core.export.pictures import Pictures
from core.records import Decision
from core.runs.folder import RunFolder
from core.store.people import People, keep_people_classes, read_people_classes
from core.study.project import Project
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import DECISION_WORDS

FORMAT_WORDS = {name: format.label for name, format in list_formats().items()}
VERDICT_WORDS = {**{str(one): DECISION_WORDS[one] for one in Decision}, UNDECIDED: "Undecided"}
NO_PICTURES, CROPS, PHOTOS = "None", "Crops", "Whole photos"
PICTURES = {NO_PICTURES: None, CROPS: Pictures.CROPS, PHOTOS: Pictures.PHOTOS}
PEOPLE_WORDS = {People.LEAVE_OUT: "Leave out", People.BLUR: "Blur in pictures", People.INCLUDE: "Include as they are"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the page asks for."""

    choice: ExportChoice
    format: str
    pictures: Pictures | None


def show_choice(project: Project, run: RunFolder) -> Asked:
    """Draw the filters of one run.

    Raises:
        AnomalureError: If they contradict each other.
    """
    formats = list_formats()
    format = st.pills(  # which wrap; the parts of a segmented control look torn on a second line
        "Format",
        list(formats),
        format_func=lambda name: formats[name].label,
        default=DEFAULT,
        required=True,
        key=Key.EXPORT_FORMAT,
        persist_state="session",
    )
    format = format or DEFAULT
    st.caption(formats[format].about)
    left, right = st.columns(2)
    with left:
        verdicts = st.multiselect(
            "Verdict",
            VERDICTS,
            default=[str(Decision.ANOMALY)],
            format_func=VERDICT_WORDS.__getitem__,
            key=Key.EXPORT_VERDICTS,
            persist_state="session",
            placeholder="Every crop",
            help="Empty: every crop, decided or not.",
        )
        cameras = st.multiselect(
            "Camera",
            list(project.cameras(run)),
            key=Key.EXPORT_CAMERAS,
            persist_state="session",
            placeholder="All cameras",
        )
    with right:
        species = st.multiselect(
            "Species",
            _species(project, run),
            key=Key.EXPORT_SPECIES,
            persist_state="session",
            placeholder="All species",
            help="As the reviewer named it, else what a normal or undecided crop was taken for.",
        )
        reviewers = st.multiselect(
            "Decided by", _reviewers(project), key=Key.EXPORT_REVIEWERS, persist_state="session", placeholder="Anybody"
        )
    left, right = st.columns([2, 3])  # the days need the room
    with left:
        selections = {one.selection_id: one.name for one in project.selections() if one.run_id == run.run_id}
        selection = st.selectbox(
            "Selection",
            list(selections),
            format_func=lambda one: selections.get(one, one),
            index=None,
            key=Key.EXPORT_SELECTION,
            persist_state="session",
            placeholder="Any crop" if selections else "None made yet",
            disabled=not selections,
            help="Crops that you selected on the Explore page.",
        )
    with right:
        days = st.date_input(
            "Days",
            value=[],
            key=Key.EXPORT_DAYS,
            persist_state="session",
            format="YYYY-MM-DD",
            help="By the camera's clock, both included. Empty: any day.",
        )
    with st.container(horizontal=True, gap="medium"):
        flagged = st.checkbox("Flagged only", key=Key.EXPORT_FLAGGED, persist_state="session")
        events = st.checkbox(
            "Whole events",
            key=Key.EXPORT_EVENTS,
            persist_state="session",
            help="Also the other photos of each event in the export, decided or not, empty or not.",
        )
    pictures = st.segmented_control(
        "Pictures",
        list(PICTURES),
        default=NO_PICTURES,
        required=True,
        key=Key.EXPORT_PICTURES,
        persist_state="session",
        width="stretch",
        help="In one zip with the table.",
    )
    people = _show_people(project)
    first, last = _read_days(days)
    choice = ExportChoice(
        run=run.run_id,
        verdicts=tuple(verdicts),
        species=tuple(species),
        cameras=tuple(cameras),
        reviewers=tuple(reviewers),
        from_day=first,
        to_day=last,
        selection=selection or "",
        flagged_only=flagged,
        whole_events=events,
        people=people,
    )
    return Asked(choice=choice, format=format, pictures=PICTURES[pictures or NO_PICTURES])


def _show_people(project: Project) -> People:
    people = st.segmented_control(
        "People and vehicles",
        list(PEOPLE_WORDS),
        format_func=PEOPLE_WORDS.__getitem__,
        default=People.LEAVE_OUT,
        required=True,
        key=Key.EXPORT_PEOPLE,
        persist_state="session",
        width="stretch",
        help="By what the detector takes a crop for, unless a reviewer named another species. Left out: their crops, "
        "and whole photos that also show people. Somebody whom the detector missed cannot be blurred: look "
        "through photos before you publish them.",
    )
    with st.expander("What counts as people", icon=":material/person_off:"):
        st.text_input(
            "Classes of the detector",
            value=", ".join(read_people_classes(project.store)),
            key=Key.PEOPLE_CLASSES,
            on_change=_keep_classes,
            args=(project,),
            persist_state="session",
            help="Separated by commas; kept for this project, for galleries too.",
        )
    return People(people or People.LEAVE_OUT)


def _keep_classes(project: Project) -> None:
    try:
        keep_people_classes(project.store, str(st.session_state[Key.PEOPLE_CLASSES]).split(","))
        project.forget_indexes()
    except AnomalureError as error:
        notice(str(error))


def _read_days(days: object) -> tuple[date | None, date | None]:
    if not isinstance(days, tuple) or not days:
        return None, None
    return days[0], days[-1]


def _species(project: Project, run: RunFolder) -> list[str]:
    given = {str(name) for name in project.verdicts()["species"] if name}
    return sorted({*project.species(run), *given})


def _reviewers(project: Project) -> list[str]:
    return sorted({str(name) for name in project.verdicts()["reviewer"] if name})
