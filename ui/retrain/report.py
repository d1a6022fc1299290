"""The report of a retraining: before and after, how the verdicts were used, and the crops whose rank changed most."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core.study.project import Project
from ui.shared.cards import crop_url
from ui.shared.words import count, escape_markdown

# Name, heading, whether higher is better, help.
FIGURES = (
    (
        "auroc",
        "AUROC",
        "The chance that an anomaly ranks before a normal crop; 100% is perfect, 50% is chance. Higher is better.",
    ),
    ("average_precision", "Average precision", "How pure the top of the list is; 100% is perfect. Higher is better."),
    (
        "review_at_95",
        "To review for 95%",
        "The share of crops to look at, most anomalous first, to find 95% of the anomalies. Lower is better.",
    ),
    ("recall_flagged", "Anomalies flagged", "The share of the anomalies with a flag. Higher is better."),
    ("false_alarm_rate", "Normal crops flagged", "The share of the normal crops with a flag. Lower is better."),
)
FEW = 30
"""With fewer anomalies or normal crops, a report of an earlier version says nothing about chance."""
COLUMNS = (("before", "before"), ("after", "after"), ("after_ranked", "after, ranked with the verdicts"))


def show_report(project: Project, report: dict[str, Any]) -> None:
    """The whole report of one retraining."""
    start = report["made_from"] or "the first look"
    st.markdown(
        f"**{escape_markdown(start)}** → **{escape_markdown(report['bundle'])}**, compared on held-out verdicts"
    )
    _show_figures(report)
    if report.get("truth"):
        _show_truth(report["truth"])
    _show_account(report)
    _show_moved(report)


def _say(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _show_figures(report: dict[str, Any]) -> None:
    before, after = report["before"], report["after"]
    n_odd, n_normal = after["n_anomalies"], after["n_normal"]
    st.caption(
        f"Measured on {count(n_odd, 'anomaly', 'anomalies')} and {count(n_normal, 'normal crop')} of events that are "
        "never used for training. "
        + ("With so few, small differences are chance. " if min(n_odd, n_normal) < FEW else "")
        + after["why"]
    )
    table = pd.DataFrame(
        [
            {"": heading, **{title: _say(report[key].get(name)) for key, title in COLUMNS}}
            for name, heading, _ in FIGURES
        ]
    )
    with st.grid(5, min_column_width=150):
        for name, heading, help_text in FIGURES:
            now, was = after[name], before[name]
            better_low = name in ("review_at_95", "false_alarm_rate")
            delta = None if now is None or was is None else now - was
            said = None if delta is None else f"{100 * delta:+.1f} points"
            is_sure = tells_more_than_chance(report, name)
            colour = "off" if not delta or not is_sure else "inverse" if better_low else "normal"
            arrow = "auto" if is_sure else "off"
            st.metric(heading, _say(now), delta=said, delta_color=colour, delta_arrow=arrow, help=help_text)  # type: ignore[arg-type]
    chance = [
        heading for name, heading, _ in FIGURES if after[name] is not None and not tells_more_than_chance(report, name)
    ]
    if chance and len(chance) == len([1 for name, _, _ in FIGURES if after[name] is not None]):
        st.caption(
            "No difference is larger than chance: with other events of the same kind it could be nothing, or the "
            "other way round."
        )
    elif chance:
        st.caption(f"Grey differences could be chance: {', '.join(chance)}.")
    ranked = report["after_ranked"]
    if ranked.get("auroc") is not None:
        st.caption(
            f"In the order *Likely anomalies first* of Review, which follows the training verdicts: AUROC "
            f"{_say(ranked['auroc'])}, average precision "
            f"{_say(ranked['average_precision'])}, to review for 95% "
            f"{_say(ranked['review_at_95'])}."
        )
    _show_rate(report)
    with st.expander("Side by side"):
        st.dataframe(table, hide_index=True, width="stretch", key=f"retrain-table-{report['bundle']}")
        st.caption(
            "The last column also corrects the scores with the training verdicts, as *Likely anomalies "
            "first* on Review does."
        )


def tells_more_than_chance(report: dict[str, Any], figure: str) -> bool:
    """Whether the change of a figure is larger than what drawing the events anew changes it by."""
    if "difference" not in report:  # by an earlier version
        return min(report["after"]["n_anomalies"], report["after"]["n_normal"]) >= FEW
    interval = report["difference"].get(figure)
    return interval is not None and not interval[0] <= 0 <= interval[1]


def _show_rate(report: dict[str, Any]) -> None:
    """The false-alarm rate that the accepted anomalies suggest; no setting is changed."""
    found = report.get("suggested_rate")
    if not found:
        return
    cost = "" if found["false_alarms"] is None else f" and {found['false_alarms']:.0%} of these normal crops"
    st.caption(
        f"A false-alarm rate of {found['rate']:.2g} would flag {found['recall']:.0%} of these accepted anomalies"
        f"{cost}. Give it in the settings of a run, or choose it under **More** on Review, if you want it."
    )


def _show_truth(truth: dict[str, Any]) -> None:
    if truth.get("problem"):
        st.caption(escape_markdown(truth["problem"]))
        return
    rows = [
        {"": heading, **{key: _say(truth[key].get(name)) for key in ("before", "after")}}
        for name, heading, _ in FIGURES
    ]
    st.markdown(f"**Compared with your labels**, run {escape_markdown(truth['run'])}")
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="retrain-truth")
    if truth.get("n_left_out"):
        st.caption(f"Left out, before and after: {count(truth['n_left_out'], 'crop')} of events used for training.")


def _show_account(report: dict[str, Any]) -> None:
    account = report["account"]
    lines = [
        ("trained as normal", account["taught_normal"]),
        ("trained as a new species", account["taught_new_species"]),
        ("anomalies, never trained", account["anomalies"]),
        ("people or nothing, trained as no species", account.get("background", 0)),  # not in earlier reports
        ("held out for the comparison", account["kept_back"]),
        ("conflicts, left out", account["conflicts"]),
        ("unsure, left out", account["unsure"]),
        ("in no run with this encoder", account["not_found"]),
    ]
    with st.expander(f"Where the {count(account['verdicts'], 'verdict')} went"):
        st.markdown("\n".join(f"- {number:,} {words}" for words, number in lines if number))
        if account["taken_out"]:
            st.markdown(f"Taken out: {count(account['taken_out'], 'crop')} that the old bundle took for normal.")
        old, new = report["species_before"], report["species"]
        rows = [
            {"Species": name, "Crops before": old.get(name, 0), "Crops after": new.get(name, 0)}
            for name in sorted({*old, *new})
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key=f"retrain-rows-{report['bundle']}")
        for note in report["notes"]:
            st.caption(escape_markdown(note))


def _show_moved(report: dict[str, Any]) -> None:
    moved = report.get("moved", [])
    if not moved:
        return
    st.markdown(f"**Crops whose rank changed most**, among {moved[0]['of']:,}")
    cards = "".join(_build_moved(row) for row in moved)
    st.html(f'<div class="moved">{cards}</div>' + _STYLE)


def _build_moved(row: dict[str, Any]) -> str:
    picture = escape(crop_url(row["crop_id"], run_id=row["run"]))
    up = row["after"] < row["before"]
    arrow, words = ("↑", "more anomalous") if up else ("↓", "less anomalous")
    verdict = f'<span class="said">{escape(row["verdict"])}</span>' if row["verdict"] else ""
    return (
        f'<figure class="{"up" if up else "down"}"><img src="{picture}" alt="{escape(row["species"])}">'
        f"<figcaption><b>{arrow} {row['before']:,} → {row['after']:,}</b> {verdict}<br>"
        f"<small>{words}</small></figcaption></figure>"
    )


_STYLE = """<style>
.moved { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .8rem; }
.moved figure { margin: 0; font-size: .88rem; line-height: 1.35; }
.moved img { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; border-radius: 8px; display: block;
  background: light-dark(#E4E1D6, #0C100E); margin-bottom: .25rem; }
.moved .up b { color: light-dark(#C85200, #FF9A56); }
.moved .down b { color: light-dark(#0072B2, #6FC1F2); }
.moved small, .moved .said { color: color-mix(in srgb, currentColor 68%, transparent); }
</style>"""
