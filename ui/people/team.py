"""The list of the team, which a lead changes and everybody else sees."""

from collections.abc import Callable

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.team.acting import name_actor, refuse
from core.team.members import LONGEST_EMAIL, Team
from core.team.roles import ABOUT, Action, Role
from ui.shared.acting import may_here
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import escape_markdown

NO_TEAM = (
    "This project has no team yet: whoever can open it may do everything. To give people roles, name the first lead on "
    "the command line of the server:"
)
FIRST_LEAD = "python cli.py team add ada@example.org --role lead --project PROJECT"


def show_team(project: Project) -> None:
    """Draw the members with their roles; a lead can change them, and add others."""
    team = Team(project.path)
    if not team.is_named:
        st.info(NO_TEAM, icon=":material/badge:")
        st.code(FIRST_LEAD.replace("PROJECT", str(project.path)), language=None)
        return
    members = team.members()
    is_lead = may_here(Action.LEAD)
    with st.container(border=True, key="team-list"):
        for nth, (email, role) in enumerate(members.items()):
            _show_member(project, nth, email, role, is_lead=is_lead)
    if is_lead:
        _show_adding(project)
    else:
        leads = [email for email, role in members.items() if role is Role.LEAD]
        st.caption(escape_markdown(f"A lead changes this list: {', '.join(leads)}."))


def show_roles() -> None:
    """Draw what each role may do."""
    st.caption(" · ".join(f"**{role.capitalize()}** {about}" for role, about in ABOUT.items()))


def _show_member(project: Project, nth: int, email: str, role: Role, *, is_lead: bool) -> None:
    who, what, away = st.columns([6, 3, 1], vertical_alignment="center")
    who.text(email)  # Markdown would make it a link that writes a letter
    if not is_lead:
        what.markdown(role.capitalize())
        return
    key = f"team-role-{nth}-{email}"
    what.selectbox(
        f"Role of {email}",
        list(Role),
        index=list(Role).index(role),
        key=key,
        format_func=str.capitalize,
        label_visibility="collapsed",
        on_change=lambda: _change(project, lambda by: give(project, email, st.session_state[key], by=by), forget=key),
    )
    away.button(
        "",
        key=f"team-remove-{nth}-{email}",
        icon=":material/person_remove:",
        help=f"Remove {email} from the team",
        on_click=lambda: _change(project, lambda by: Team(project.path).remove(email, by=by)),
    )


def _show_adding(project: Project) -> None:
    with st.form("team-add", clear_on_submit=True, border=False):
        email, role, button = st.columns([6, 3, 1], vertical_alignment="bottom")
        email.text_input(
            "E-mail address", key=Key.TEAM_EMAIL, max_chars=LONGEST_EMAIL, placeholder="As they sign in with it"
        )
        role.selectbox("Role", list(Role), index=1, key=Key.TEAM_ROLE, format_func=str.capitalize)
        button.form_submit_button(
            "Add",
            key="team-add-button",
            on_click=lambda: _change(
                project,
                lambda by: give(project, st.session_state[Key.TEAM_EMAIL], st.session_state[Key.TEAM_ROLE], by=by),
            ),
        )


def give(project: Project, email: str, role: str, *, by: str) -> None:
    """Give somebody a role."""
    Team(project.path).give_role(email, Role(role), by=by)


def _change(project: Project, change: Callable[[str], None], *, forget: str = "") -> None:
    try:
        refuse(project.path, Action.LEAD)
        change(name_actor())
    except AnomalureError as error:
        notice(str(error))
        if forget:
            del st.session_state[forget]  # it shows the role that they still have
