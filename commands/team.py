"""``cli.py team``: who is in the team of a project, and who did what."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import add_job, open_project

ABOUT = "name who may look, review and lead in a project on a server, or see who did what"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from core.team.roles import ABOUT as OF_ROLES
    from core.team.roles import Role

    jobs = parser.add_subparsers(dest="team_job", required=True)
    add = add_job(jobs, "add", "give somebody a role, or another one; the first must be a lead")
    add.add_argument("email", help="the e-mail address that they sign in with")
    add.add_argument(
        "--role",
        choices=[str(role) for role in Role],
        default=str(Role.REVIEWER),
        help="; ".join(f"{role} {about}" for role, about in OF_ROLES.items()) + "; default reviewer",
    )
    remove = add_job(jobs, "remove", "take somebody's role away")
    remove.add_argument("email")
    add_job(jobs, "list", "the members and their roles")
    add_job(jobs, "log", "everything that was done, oldest first")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Change the team, if asked for, and show it."""
    from core.team.acting import name_actor
    from core.team.members import Team
    from core.team.roles import Role

    team = Team(open_project(arguments).path)
    if arguments.team_job == "add":
        team.give_role(arguments.email, Role(arguments.role), by=name_actor())
    elif arguments.team_job == "remove":
        team.remove(arguments.email, by=name_actor())
    elif arguments.team_job == "log":
        return DONE, {
            "log": [
                {"at": one.at.isoformat(), "by": one.by, "did": one.did, "about": one.about, "how": one.how}
                for one in team.log()
            ]
        }
    return DONE, {"team": [{"email": email, "role": str(role)} for email, role in team.members().items()]}
