"""How well reviewers agree: kappa in figures and words, who with whom, and which verdicts both gave."""

import pandas as pd
import streamlit as st

from core.records import Decision
from core.study.agreement import Agreement, say_agreement
from core.study.project import Project
from core.study.second_review import DECISIONS, measure_agreement, measure_by_reviewers, pair_verdicts
from ui.shared.csv_download import make_csv
from ui.shared.words import DECISION_WORDS


def show_agreement(project: Project) -> None:
    """Draw kappa over all pairs of verdicts, then for each pair of reviewers."""
    pairs = pair_verdicts(project.store.verdicts(with_second=True))
    if pairs.empty:
        st.info("No crop has a second verdict yet. Give some under Second review.", icon=":material/group:")
        return
    whole = measure_agreement(pairs)
    with st.grid(3, min_column_width=150):
        st.metric("Decided twice", f"{whole.n_crops:,}")
        st.metric("The same verdict", f"{whole.share_agreed:.0%}")
        st.metric("Cohen's kappa", _say(whole.kappa), help="1: they always agree. 0: no more than by chance.")
    st.caption(say_agreement(whole))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What both said**")
        st.dataframe(_table(whole), width="stretch", key="agreement-table")
        st.caption("Rows: the first reviewer. Columns: the second.")
    with right:
        st.markdown("**Who with whom**")
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "First": first or "(no name)",
                        "Second": second,
                        "Crops": one.n_crops,
                        "Same": one.share_agreed,
                        "Kappa": one.kappa,
                    }
                    for (first, second), one in measure_by_reviewers(pairs).items()
                ]
            ),
            hide_index=True,
            width="stretch",
            key="agreement-people",
            column_config={
                "Same": st.column_config.NumberColumn(format="percent"),
                "Kappa": st.column_config.NumberColumn(format="%.2f"),
            },
        )
    rows = [{str(name): value for name, value in row.items()} for row in pairs.to_dict("records")]
    st.download_button(
        "Download the pairs as CSV",
        key="pairs-csv",
        icon=":material/download:",
        mime="text/csv",
        on_click="ignore",
        data=lambda: make_csv(rows, columns=pairs.columns),
        file_name="second-review.csv",
    )


def _table(agreement: Agreement) -> pd.DataFrame:
    words = [DECISION_WORDS[Decision(name)] for name in DECISIONS]
    return pd.DataFrame(agreement.table, index=words, columns=words)


def _say(kappa: float) -> str:
    return "–" if kappa != kappa else f"{kappa:.2f}"
