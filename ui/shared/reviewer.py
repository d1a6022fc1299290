"""Who is reviewing: from signing in, or a name that is asked for once and kept in the browser."""

from typing import Any
from urllib.parse import unquote

import streamlit as st

from core.errors import AnomalureError
from core.records import LONGEST_NAME, tidy_name
from core.study.project import Project
from core.study.reviewers import find_spelling, name_account
from core.team.members import Team
from ui.entry.signing_in import ENDED, refuse_entry, to_person
from ui.shared.acting import find_signed_in, read_house_rules, read_user
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import escape_markdown

COOKIE = "anomalure_reviewer"

# The only way to write a cookie from a page's script. It is written on every page, wherever the name was given.
_keep_name = st.components.v2.component(
    "anomalure_reviewer",
    js=f"""
export default function ({{ data }}) {{
  const name = encodeURIComponent(data.name);
  document.cookie = `{COOKIE}=${{name}}; path=/; max-age=${{data.name ? 31536000 : 0}}; SameSite=Strict`;
}}
""",
)


def read_reviewer(project: Project) -> str:
    """The name that goes with verdicts; empty while it is not given.

    Without signing in it is kept in the browser, so that several people can use one dashboard. A browser that has none
    yet never begins with the name of somebody else.
    """
    if "is_logged_in" in st.user:
        who = find_signed_in()
        if who is None:
            return ""
        if st.session_state.get(Key.REVIEWER_ACCOUNT) != who.person:
            st.session_state[Key.REVIEWER] = name_account(project, who.person, name=who.name, email=who.email)
            st.session_state[Key.REVIEWER_ACCOUNT] = who.person
    elif Key.REVIEWER not in st.session_state:
        kept: Any = st.context.cookies.get(COOKIE, "")
        st.session_state[Key.REVIEWER] = tidy_name(unquote(kept)) if isinstance(kept, str) else ""
    return str(st.session_state[Key.REVIEWER])


def take_reviewer(project: Project, name: str) -> None:
    """Take a name for this browser, in the spelling that the project has for it."""
    name = tidy_name(name)
    try:
        name = find_spelling(project, name)
    except AnomalureError as error:
        notice(str(error))
    st.session_state[Key.REVIEWER] = st.session_state[Key.REVIEWER_EDIT] = name


def _take_edited(project: Project) -> None:
    take_reviewer(project, str(st.session_state.get(Key.REVIEWER_EDIT, "")))


def take_named_on_board(project: Project, key: str) -> None:
    """Take the name that was given on a board, before its first decision."""
    said = st.session_state.get(key) or {}
    if find_signed_in() is None and said.get("reviewer"):
        take_reviewer(project, str(said["reviewer"]))


def show_reviewer(project: Project) -> None:
    """Who is reviewing, to be given or changed; kept with every verdict."""
    reviewer = read_reviewer(project)
    if "is_logged_in" in st.user:
        role = Team(project.path).role_of(read_user().get("email") or "")
        st.caption(f":material/person: {escape_markdown(reviewer)}{f' · {role}' if role else ''}")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        return
    st.text_input(
        "Your name",
        value=reviewer,
        key=Key.REVIEWER_EDIT,
        placeholder="Who is reviewing?",
        on_change=_take_edited,
        args=(project,),
        max_chars=LONGEST_NAME,
        persist_state="session",
        help="Kept with each verdict, so that others can see who decided.",
    )
    _keep_name(key=Key.REVIEWER_COOKIE, data={"name": reviewer})


def is_closed() -> bool:
    """Whether whoever looks at this page has to sign in first, or may not come in at all."""
    return "is_logged_in" in st.user and find_signed_in() is None


def ask_to_sign_in() -> None:
    """What somebody sees in place of every page until they have signed in."""
    st.title("Anomalure")
    user = read_user()
    if not user.get("is_logged_in") or to_person(user) in ENDED:
        st.info("Sign in to see and review the photos of this project.", icon=":material/login:")
        st.button("Sign in", key="sign-in", type="primary", icon=":material/login:", on_click=st.login)
        return
    st.error(refuse_entry(user, read_house_rules()), icon=":material/lock:")
    st.button("Sign out", icon=":material/logout:", on_click=st.logout)
