"""The names under which people's verdicts are kept: one person has one name, and two people never share one."""

import threading
from itertools import chain, count

from core.records import LONGEST_NAME, name_key, tidy_name
from core.study.project import Project
from core.team.roles import Action

SETTING = "names_of_accounts"
_giving = threading.Lock()


def find_spelling(project: Project, name: str) -> str:
    """A name as the project has it already, if it is there in another spelling: ``ada`` is ``Ada``."""
    tidy = tidy_name(name)
    key = name_key(tidy)
    known = [one for one in project.store.reviewers() if name_key(one) == key] if key else []
    return tidy if tidy in known or not known else known[-1]


def name_account(project: Project, person: str, *, name: str, email: str = "") -> str:
    """The name of an account in this project, which it keeps, also if the account calls itself otherwise later.

    Where another account has the name, the part of the e-mail address before the ``@`` is added, or a number.

    Args:
        project: The study.
        person: The account's id, always the same.
        name: What it calls itself.
        email: Its e-mail address; may be empty.
    """
    with _giving:
        kept = project.store.get_setting(SETTING, {})
        names = dict(kept) if isinstance(kept, dict) else {}
        if person not in names:
            names[person] = _find_free(name, email, taken={name_key(str(one)) for one in names.values()})
            project.store.set_setting(SETTING, names, needs=Action.LOOK)
        return str(names[person])


def _find_free(name: str, email: str, *, taken: set[str]) -> str:
    first = tidy_name(name) or "Somebody"
    endings = ["", f" ({email.partition('@')[0]})"] if email else [""]
    for ending in chain(endings, (f" ({n})" for n in count(2))):
        said = tidy_name(first[: LONGEST_NAME - len(ending)] + ending)
        if name_key(said) not in taken:
            return said
    raise AssertionError("there is always another number")
