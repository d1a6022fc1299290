"""What is new since a bundle was made: verdicts by species, disagreements, and species that could be added."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.records import Decision
from core.review.training_labels import UNNAMED, TrainingLabels, sort_verdicts
from core.runs.catalogue import read_catalogue
from core.study.project import Project
from core.study.retrainings import count_trained
from ui.shared.words import count, escape_markdown

MOST_CONFLICTS = 200


@dataclass(frozen=True)
class News:
    """The labels of a project, with the species that each crop is taken for, and which came after the bundle."""

    labels: TrainingLabels
    species: pd.Series
    is_new: pd.Series

    @property
    def n_new(self) -> int:
        """Decided crops that the bundle was not trained on."""
        return int(self.is_new.sum())

    def learnable(self, *, known: set[str]) -> dict[str, int]:
        """Species that reviewers gave to accepted anomalies, and how many crops; none that is ``known``."""
        table = self.labels.table
        given = table[(table["verdict"] == Decision.ANOMALY) & (table["species"] != "")]["species"]
        return {str(name): int(n) for name, n in given.value_counts().items() if name not in known}


def read_news(project: Project, *, made_from: str) -> News:
    """The training labels that the verdicts give now, compared with the bundle to start from."""
    labels = sort_verdicts(project.store.verdicts(with_second=True))
    table = labels.table
    taken: dict[str, str] = {}
    for run_id in table["run"].unique():
        try:
            crops = read_catalogue(project.run(run_id), ["crop_id", "species", "kind"])
        except AnomalureError:
            continue  # the run is gone; its verdicts are found again in another, by content
        crops = crops[crops["crop_id"].isin(table["crop_id"])]
        names = crops["species"].where(crops["species"] != "", crops["kind"].map({"frame": "whole frame"}))
        taken.update(zip(crops["crop_id"], names.fillna(UNNAMED), strict=True))
    guessed = table["crop_id"].map(taken).fillna("run is gone")
    species = table["species"].where(table["species"] != "", guessed)
    return News(labels, species, table["sequence"] > count_trained(project.path, made_from))


def show_news(news: News, *, made_from: str) -> None:
    """Counts, a table by species, and the conflicts."""
    labels = news.labels
    since = f" that **{escape_markdown(made_from)}** was not trained on" if made_from else " so far"
    figures = [
        ("New", news.n_new, f"Decided crops {'that the bundle was not trained on' if made_from else 'so far'}."),
        (
            "Anomalies",
            int(labels.anomalous.sum()),
            "Accepted flags. Never trained as normal. They improve the ranking and measure the result.",
        ),
        ("Normal", int((~labels.anomalous).sum()), "Rejected flags. They join the normal crops of their species."),
        ("Unsure", labels.n_unsure, "They are not used for training."),
        (
            "Conflicts",
            len(labels.conflicts),
            "Reviewers disagree. These crops are left out until the disagreement is settled.",
        ),
    ]
    st.markdown(f"{count(news.n_new, 'decided crop')}{since}.")
    with st.grid(5, min_column_width=84):
        for label, figure, help_text in figures:
            st.metric(label, f"{figure:,}", help=help_text)
    if len(labels):
        anomalous = pd.Series(labels.anomalous)
        counted = (
            pd.DataFrame({"Species": news.species, "Normal": ~anomalous, "Anomaly": anomalous, "New": news.is_new})
            .groupby("Species", as_index=False)
            .sum()
        )
        counted = counted.sort_values(["New", "Normal", "Species"], ascending=[False, False, True])
        st.dataframe(counted, hide_index=True, width="stretch", key="retrain-species")
    if len(labels.conflicts):
        with st.expander(f"{count(len(labels.conflicts), 'crop')} on which reviewers disagree"):
            shown = labels.conflicts.head(MOST_CONFLICTS).rename(
                columns={"crop_id": "Crop", "run": "Run", "said": "What they say"}
            )
            st.dataframe(
                shown[["Crop", "Run", "What they say"]], hide_index=True, width="stretch", key="retrain-conflicts"
            )
