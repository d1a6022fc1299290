"""``cli.py groups``: the crops of a run in groups that look alike, and names for whole groups."""

import argparse
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import SHARES, ProgressLine

if TYPE_CHECKING:
    from core.groups.partition import Group
    from core.groups.tree import GroupTree
    from core.runs.folder import RunFolder
    from core.study.project import Project

ABOUT = "group a run's crops by look, list the groups, and name them"
MOST_CAMERAS = 5
_WORDS = {"nothing": "nothing", "people": "people", "person": "people", "odd": "odd"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", metavar="R", help="default: the newest")
    parser.add_argument("--groups", type=int, metavar="N", help="how many groups; default: the suggested number")
    parser.add_argument(
        "--name",
        nargs="+",
        action="extend",
        default=[],
        metavar="GROUP=NAME",
        help="name a group by its id: a species that is usual here, 'odd' or 'odd:SPECIES', 'nothing' or 'people'",
    )
    parser.add_argument("--reviewer", default="", help="who names them")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Make the groups if they are missing, name those that are asked for, and list all."""
    from core.groups.naming import give_name, read_actions
    from core.groups.partition import replay
    from core.work.meter import Cancelled

    names = [_read_name(text) for text in arguments.name]
    project = open_project(arguments)
    run = project.run_or_latest(arguments.run)
    try:
        tree = _open_or_make(project, run)
    except Cancelled:
        return FAILED, {"error": "Cancelled; there are no groups yet. Start it again."}
    k = _check_number(arguments.groups, tree)

    def list_groups() -> "list[Group]":
        return replay(tree, read_actions(project, run, tree.version), k=k)

    wanted = [(_find(list_groups(), group_id), meaning, species) for group_id, meaning, species in names]
    n_given = n_kept = 0
    for group, meaning, species in wanted:
        given = give_name(project, run, tree, group, meaning=meaning, species=species, reviewer=arguments.reviewer)
        n_given += given.n_given
        n_kept += given.n_kept
    facts = _Facts(project, run, tree, with_crops=arguments.json)
    groups = [facts.describe(group) for group in list_groups()]
    return DONE, {
        "run": run.run_id,
        "suggested": tree.suggested,
        "crops": len(tree.crop_ids),
        "named": sum(bool(group["name"]) for group in groups),
        "given": n_given,
        "kept": n_kept,
        "groups": groups,
    }


def _open_or_make(project: "Project", run: "RunFolder") -> "GroupTree":
    from core.errors import AnomalureError, NewerVersion
    from core.groups.naming import read_actions
    from core.groups.tree import open_tree
    from models.jobs import registry
    from models.jobs.groups import GroupsRequest

    try:
        tree = open_tree(run)
        if tree.crops_version or read_actions(project, run, tree.version):
            return tree
    except NewerVersion:
        raise
    except AnomalureError:
        pass  # none yet, or of other crops than the run has now
    with ProgressLine(SHARES) as line:
        registry.do_at_once(project, GroupsRequest(run=run.run_id), on_progress=line.show_progress)
    return open_tree(run)


def _check_number(wanted: int | None, tree: "GroupTree") -> int:
    from core.errors import WrongUsage

    most = max(1, tree.n_free_leaves)
    if wanted is not None and not 1 <= wanted <= most:
        raise WrongUsage(f"These crops can be in 1 to {most} groups, got {wanted}.")
    return min(most, wanted or tree.suggested)


def _read_name(text: str) -> tuple[str, str, str]:
    """The id, the meaning and the species of ``GROUP=NAME``."""
    from core.errors import AnomalureError
    from core.groups.actions import check_name

    group_id, equals, name = text.partition("=")
    name = name.strip()
    if not equals or not group_id.strip() or not name:
        raise AnomalureError(
            f"A name is given as GROUP=NAME, got {text[:80]!r}. The ids of the groups are in the list."
        )
    word, colon, species = name.partition(":")
    meaning = _WORDS.get(word.strip().casefold(), "species")
    if meaning == "species":
        species = species if colon and word.strip().casefold() == "usual" else name
    what, species = check_name(meaning, species)
    return group_id.strip(), str(what), species


def _find(groups: "list[Group]", group_id: str) -> "Group":
    from core.errors import AnomalureError, did_you_mean

    for group in groups:
        if group.group_id == group_id:
            return group
    raise AnomalureError(
        f"There is no group {group_id[:80]!r} now. Another number of groups has other groups: list them with the same "
        "--groups." + did_you_mean(group_id, [group.group_id for group in groups])
    )


class _Facts:
    """What the list says about a group."""

    def __init__(self, project: "Project", run: "RunFolder", tree: "GroupTree", *, with_crops: bool) -> None:
        from core.store.guesses import shows_guesses
        from models.guesses.of_run import find_index_names, keep_run_guesses

        keep_run_guesses(run)
        self.tree, self.with_crops = tree, with_crops
        index = project.review_index(run)
        crops = index.catalogue.table.select(["crop_id", "deployment", "event_id"]).to_pandas().set_index("crop_id")
        self.places = crops.index.get_indexer(tree.crop_ids)
        self.crops = crops.iloc[self.places].reset_index(names="crop_id")
        self.guesses = index.guesses if shows_guesses(project.store) else None
        self.own_names = find_index_names(index)

    def describe(self, group: "Group") -> dict[str, Any]:
        from models.guesses.of_run import guess_group_of

        ordered = self.crops.iloc[self.tree.order_by_typical(group.rows)]
        found: list[tuple[str, float]] = []
        classifier = ""
        if self.guesses is not None:
            found, classifier = guess_group_of(self.guesses, self.places[group.rows])
        return {
            "id": group.group_id,
            "size": len(ordered),
            "meaning": str(group.meaning),
            "name": group.species or str(group.meaning),
            "reviewer": group.reviewer,
            "events": int(ordered["event_id"].nunique()),
            "cameras": ordered["deployment"].value_counts().index[:MOST_CAMERAS].tolist(),
            "recurs_at": group.recurs.place.camera if group.recurs else "",
            "guesses": [{"name": self.own_names.get(name, name), "share": round(share, 3)} for name, share in found],
            **({"guessed_by": classifier} if classifier else {}),
            **({"crops": ordered["crop_id"].tolist()} if self.with_crops else {}),
        }
