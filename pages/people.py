"""People: who is in the team of the project, what each may do, and who did what."""

import streamlit as st

from core.team.members import Team
from core.team.roles import Action
from ui.people.log import show_log
from ui.people.team import show_roles, show_team
from ui.shared.acting import may_here
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project

apply_look()
st.title("People")
with plain_errors():
    project = open_project()
    show_notice()
    show_roles()
    show_team(project)
    if Team(project.path).is_named and may_here(Action.LEAD):
        show_log(project)
