"""Retrain: verdicts make the next bundle; compare it with the last, activate it, or go back."""

import streamlit as st

from core.study.retrainings import Retraining
from ui.forms.kept_form import kept_form, keys_of
from ui.retrain.bundles import show_activate, show_bundles
from ui.retrain.form import choose_start, show_form, show_watched
from ui.retrain.news import read_news, show_news
from ui.retrain.report import show_report
from ui.retrain.waiting import read_known, show_no_verdicts
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key
from ui.shared.words import escape_markdown

apply_look()
st.title("Retrain")
with plain_errors(), kept_form(keys_of("retrain_")):
    project = open_project()
    show_notice()
    busy = show_watched(project)
    shown = str(st.session_state.get(Key.RETRAIN_SHOWN, ""))
    report = Retraining.of(project.path, shown).read_result() if shown else {}
    if report:
        with st.container(border=True):
            head, button = st.columns([6, 2], vertical_alignment="center")
            head.subheader(f"{escape_markdown(shown)}: before and after", anchor=False)
            with button.container(horizontal=True, horizontal_alignment="right"):
                show_activate(project, shown, key="activate-shown")
            show_report(project, report)
    left, right = st.columns([5, 3], gap="large")
    with right:
        made_from = choose_start(project)
    news = read_news(project, made_from=made_from)
    with left:
        if not len(news.labels) and not len(news.labels.conflicts):
            show_no_verdicts(project)
        else:
            show_news(news, made_from=made_from)
    with right:
        if not busy:
            show_form(project, news, made_from=made_from, known=read_known(project, made_from))
    show_bundles(project)
