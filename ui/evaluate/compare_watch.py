"""Follow a comparison of encoders and one-class models, see its table, and choose from it."""

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.study.defaults import read_bundle_defaults, write_bundle_defaults
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.comparison.table import Row, Standing
from models.jobs.compare import TABLE, CompareRequest, choose_default, read_rows
from models.one_class.methods import list_one_class
from ui.evaluate.compare_chart import build_comparison_figure
from ui.forms.published import say_name
from ui.shared.messages import notice, plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_time
from ui.work.panel import Panel
from ui.work.past import show_past
from ui.work.words import STATUS_WORDS


def list_comparisons(project: Project) -> list[WorkFolder]:
    """The comparisons of the project, newest first."""
    return WorkFolder.list_all(project.path / CompareRequest.room)


def show_project_choice(project: Project) -> None:
    """Say what new bundles are made with, where the project has a choice of its own."""
    with plain_errors():
        chosen = read_bundle_defaults(project.path)
        if chosen is None:
            return
        said, back = st.columns([8, 2], vertical_alignment="center")
        said.info(escape_markdown(chosen.say()), icon=":material/check_circle:")
        if back.button("Take it back", key="comparison-no-default", width="stretch"):
            write_bundle_defaults(project.path, None)
            st.rerun()


def show_past_comparisons(project: Project, *, leave_out: str = "") -> None:
    """One line for each comparison, newest first."""
    works = [work for work in list_comparisons(project) if work.name != leave_out]
    show_past(project, works, PANEL, key="comparison-", describe=_describe, caption=_name_photos)


def _describe(work: WorkFolder, status: Status) -> str:
    parts = [f"**{escape_markdown(work.name)}**", STATUS_WORDS[status]]
    if status is not Status.BROKEN:
        parts.append(say_time(work.created_at.astimezone()))
    return " · ".join(parts)


def _name_photos(work: WorkFolder) -> str:
    return str(work.read_request(CompareRequest).images)


def _show_result(project: Project, work: WorkFolder) -> None:
    if work.status is not Status.DONE:
        return
    rows, result = read_rows(work), work.read_result()
    best = rows[0]
    st.markdown(
        f"**{_name(best)}** is best: when a species is unknown, an unusual crop scores higher than a usual one with a "
        f"chance of **{best.auroc:.1%}**{_say_interval(best)}, at the worst {best.worst:.1%} "
        f"({escape_markdown(best.worst_species)})."
    )
    alike = [row for row in rows if row.standing is Standing.ALIKE]
    unsure = [row for row in rows if row.standing is Standing.NOT_KNOWN]
    quicker = [row for row in alike if row.seconds_per_crop < 0.8 * best.seconds_per_crop]
    if alike:
        said = f"{count(len(alike), 'other pair')} cannot be told from it with so few events"
        if quicker:
            times = best.seconds_per_crop / quicker[0].seconds_per_crop
            said += f"; of these {_name(quicker[0])} is {times:.1f} times as quick"
        st.caption(f"{said}.")
    if unsure:
        st.caption(
            f":orange[:material/warning:] Whether {count(len(unsure), 'other pair')} would be as good on other photos "
            "is not known, because there are too few events. Label photos of more events."
        )
    _say_counts(result)
    st.plotly_chart(
        build_comparison_figure(rows, dark=st.context.theme.type == "dark"),
        key=f"comparison-figure-{work.name}",
        config={"displayModeBar": False},
    )
    st.dataframe(
        _table(rows),
        hide_index=True,
        width="stretch",
        key=f"comparison-table-{work.name}",
        column_config={"Encoder": st.column_config.TextColumn(width="medium")},  # names of files can be long
    )
    st.caption(
        "In brackets: where the mean would lie, 95 times in 100, for other photos of the same kind (whole events drawn "
        "anew). The time is of the encoder on this computer, without reading the photos."
    )
    place, use, download = st.columns([5, 3, 2], vertical_alignment="bottom")
    chosen = place.selectbox(
        "For new bundles of this project",
        range(len(rows)),
        format_func=lambda i: f"{i + 1}. {rows[i].encoder}, {_label(rows[i])}",
        key=f"comparison-choice-{work.name}",
    )
    if use.button("Use for new bundles", key=f"comparison-use-{work.name}", icon=":material/check:", width="stretch"):
        _choose(project, work, int(chosen or 0) + 1)
    download.download_button(
        "CSV",
        (work.path / TABLE).read_bytes() if (work.path / TABLE).is_file() else b"",
        f"comparison-{work.name}.csv",
        "text/csv",
        key=f"comparison-csv-{work.name}",
        icon=":material/download:",
        width="stretch",
    )


def _choose(project: Project, work: WorkFolder, place: int) -> None:
    try:
        chosen = choose_default(project, work.name, place)
    except (AnomalureError, OSError) as error:
        notice(f"The choice could not be kept: {error}")
    else:
        notice(f"{chosen.say()} Train uses them unless you choose others.")
    st.rerun()


def _say_counts(result: dict) -> None:  # type: ignore[type-arg]
    species = ", ".join(f"{name} ({n:,})" for name, n in result.get("crops_of", {}).items())
    said = f"{count(result.get('crops', 0), 'crop')} of {count(result.get('events', 0), 'event')}: {species}."
    if result.get("crops_not_drawn"):
        said += f" Not drawn, because their species has more than enough: {count(result['crops_not_drawn'], 'crop')}."
    if result.get("always_known"):
        few = ", ".join(f"{name} ({n:,})" for name, n in result["always_known"].items())
        said += f" Too few to be the unknown one: {few}."
    st.caption(escape_markdown(said))
    for line in result.get("not_used", []):
        st.caption(f":orange[:material/warning:] {escape_markdown(str(line))}")


def _say_interval(row: Row) -> str:
    return f" ({row.interval[0]:.1%} to {row.interval[1]:.1%})" if row.interval else ""


def _label(row: Row) -> str:
    methods = list_one_class()
    return methods[row.one_class].label if row.one_class in methods else row.one_class


def _name(row: Row) -> str:
    return escape_markdown(f"{say_name(row.encoder)} with {_label(row)}")


def _table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Encoder": row.encoder,
                "One-class model": _label(row),
                "AUROC, mean": f"{row.auroc:.1%}{_say_interval(row)}",
                "As good as the best": str(row.standing),
                "Worst species": f"{row.worst:.1%} ({row.worst_species})",
                "To review for 95%": f"{row.review_at_95:.0%}",
                "False alarms at 5%": f"{row.false_alarm_rate:.1%}",
                "Time a crop, ms": round(1000 * row.seconds_per_crop, 1),
                "Size, MB": None if row.size_mb is None else round(row.size_mb, 1),
            }
            for row in rows
        ]
    )


PANEL = Panel(
    kind=CompareRequest.kind,
    what="comparison",
    key=Key.COMPARISON_WATCHED,
    preparing="loading the programs",
    stopping="Stopping after this step.",
    say_kept=lambda work: "What was embedded is kept; resume it to go on." if work.can_resume else "",
    show_result=_show_result,
)
