"""The results on the Evaluate page: figures with intervals, curves, and a row for each species."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation.apart import Apart
from core.evaluation.bootstrap import compare_draws
from core.evaluation.judging import REVIEW_RECALL, Evaluation
from core.runs.folder import RunFolder
from core.settings.run import RunSettings
from ui.evaluate.charts import (
    NamedCurves,
    build_effort_figure,
    build_precision_recall_figure,
    build_roc_figure,
    build_species_figure,
)
from ui.evaluate.data import Measured
from ui.shared.words import count, escape_markdown

FIGURES = {
    "auroc": ("AUROC", "The chance that an anomaly scores higher than a normal crop; 50% is chance."),
    "average_precision": (
        "Average precision",
        "The share of anomalies among the crops reviewed so far, averaged over the whole list.",
    ),
    "review_at_95": (
        "To review for 95%",
        "The share of all crops to review, most anomalous first, to find 95% of the anomalies; small is good.",
    ),
    "recall_flagged": ("Anomalies flagged", "The share of the anomalies that is flagged."),
    "false_alarm_rate": (
        "Normal crops flagged",
        "The share of the normal crops that is flagged: false alarms. It should be near the run's rate.",
    ),
}


def show_result(pairs: Sequence[tuple[RunFolder, Measured]]) -> None:
    """Draw the results of one run, or of two side by side."""
    dark = st.context.theme.type == "dark"
    first = pairs[0][1].evaluation
    for reason in sorted(set(first.reasons.values())):
        st.info(f"Some figures cannot be computed: {reason}.")
    st.table(make_figure_table(pairs).rename(columns=escape_markdown), hide_index=True)
    if len(pairs) == 2 and not _share_crops(pairs):
        st.caption("The difference is not shown, because the two runs did not cut out the same crops.")
    st.caption(
        "In brackets: where the figure would lie, 95 times in 100, for other photos of the same kind (drawn anew, "
        "whole events at a time, because the photos of a burst are alike)."
    )
    _say_counts(pairs)
    for problem in dict.fromkeys(line for _, measured in pairs for line in measured.problems):
        st.caption(f":orange[:material/warning:] {escape_markdown(problem)}")
    named = [item for run, measured in pairs if (item := _name_curves(run, measured)) is not None]
    if named:
        roc, precision, effort = st.columns(3)
        for place, title, figure in (
            (effort, "Review effort", build_effort_figure(named, recall=REVIEW_RECALL, dark=dark)),
            (roc, "False alarms", build_roc_figure(named, dark=dark)),
            (precision, "Precision", build_precision_recall_figure(named, dark=dark)),
        ):
            with place:
                st.markdown(f"**{title}**")
                st.plotly_chart(figure, config={"displayModeBar": False}, key=f"evaluation-{title}")
        st.caption("The diamond is what the run flagged.")
    for place, (run, measured) in zip(st.columns(len(pairs)), pairs, strict=True):
        with place:
            st.markdown(f"**Share flagged of each species** · {escape_markdown(say_run(run))}")
            rate = RunSettings.from_values(run.info.settings).false_alarm_rate
            figure = build_species_figure(list_species(measured.evaluation), rate=rate, dark=dark)
            st.plotly_chart(figure, config={"displayModeBar": False}, key=f"evaluation-species-{run.run_id}")


def say_run(run: RunFolder) -> str:
    """A run by its name and bundle."""
    return f"{run.info.name} ({run.info.bundle or 'first look'})"


def make_figure_table(pairs: Sequence[tuple[RunFolder, Measured]]) -> pd.DataFrame:
    """One row a figure, one column a run, with intervals; for two runs of the same crops also the difference."""
    table = pd.DataFrame({"": [label for label, _ in FIGURES.values()]})
    for run, measured in pairs:
        values = measured.evaluation.to_values()
        name, n = say_run(run), 2
        while name in table:
            name, n = f"{say_run(run)} {n}", n + 1
        table[name] = [say_figure(values[key], measured.evaluation.intervals.get(key)) for key in FIGURES]
    if len(pairs) == 2:
        table["difference"] = _compare(pairs[0][1], pairs[1][1]) if _share_crops(pairs) else "–"
    table["what it is"] = [meaning for _, meaning in FIGURES.values()]
    return table


def _share_crops(pairs: Sequence[tuple[RunFolder, Measured]]) -> bool:
    (_, first), (_, second) = pairs
    return first.crop_ids == second.crop_ids


def _compare(first: Measured, second: Measured) -> list[str]:
    ours, theirs = first.evaluation.to_values(), second.evaluation.to_values()
    intervals = compare_draws(first.draws, second.draws)
    return [
        say_figure(ours[key] - theirs[key], intervals.get(key), signed=True)
        if ours[key] is not None and theirs[key] is not None
        else "–"
        for key in FIGURES
    ]


def say_figure(value: float | None, interval: Sequence[float] | None, *, signed: bool = False) -> str:
    """``98.3% (97.1 to 99.2)``; a dash without a figure."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    said = f"{100 * value:{sign}.1f}" + (" points" if signed else "%")
    if interval is None:
        return said
    return f"{said} ({100 * interval[0]:{sign}.1f} to {100 * interval[1]:{sign}.1f})"


def list_species(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Rows for the figure of species: known ones first, then anomalies, each by name, drawn from below."""
    rows = [
        {
            "species": name,
            "n": item["n"],
            "novel": item["novel"],
            "share_flagged": item["share_flagged"],
            "interval": item.get("share_flagged_interval"),
        }
        for name, item in evaluation.per_species.items()
    ]
    return sorted(rows, key=lambda row: (row["novel"], row["species"]), reverse=True)


def _name_curves(run: RunFolder, measured: Measured) -> NamedCurves | None:
    evaluation = measured.evaluation
    if measured.curves is None or evaluation.recall_flagged is None or evaluation.false_alarm_rate is None:
        return None
    return NamedCurves(
        say_run(run), measured.curves, measured.flagged_share, evaluation.recall_flagged, evaluation.false_alarm_rate
    )


def _say_counts(pairs: Sequence[tuple[RunFolder, Measured]]) -> None:
    for run, measured in pairs:
        found = measured.evaluation
        parts = [f"{count(found.n_novel, 'anomaly', 'anomalies')} among {count(found.n_known + found.n_novel, 'crop')}"]
        if found.n_unmatched:
            parts.append(
                f"{count(found.n_unmatched, 'box', 'boxes')} on no animal, counted as normal in the figures above"
            )
        if found.n_missed:
            parts.append(f"{count(found.n_missed, 'anomaly', 'anomalies')} on no crop")
        if found.n_photos_without_truth:
            parts.append(f"{count(found.n_photos_without_truth, 'photo')} without truth, left out")
        if found.n_unnamed:
            parts.append(f"{count(found.n_unnamed, 'crop')} of animals without a species, left out")
        name = f"{escape_markdown(say_run(run))}: " if len(pairs) > 1 else ""
        st.caption(name + "; ".join(parts) + ".")
        st.caption(name + " ".join(say_apart(found.apart)))


def say_apart(apart: Apart) -> list[str]:
    """People and nothing apart from usual animals, in sentences."""
    sentences = []
    if apart.usual_flagged is not None:
        sentences.append(f"Of {count(apart.n_usual, 'usual animal')} {apart.usual_flagged:.1%} are flagged.")
    if apart.nothing_flagged is not None:
        sentences.append(
            f"{count(apart.n_nothing, 'crop')} without an animal, {apart.n_nothing_people} of them called people: "
            f"{apart.nothing_flagged:.1%} are flagged."
        )
    for words, called in (("as probably nothing", apart.called_nothing), ("as people", apart.called_people)):
        if n := sum(called.values()):
            sentences.append(
                f"Kept apart {words}: {count(n, 'crop')}, of which {called['novel']} show an anomaly and "
                f"{called['usual']} a usual animal."
            )
    return sentences
