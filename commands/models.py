"""``cli.py models``: published detectors and encoders, and those of them that are on this computer."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED
from commands.options import add_job
from commands.progress_line import ProgressLine
from core.disk.names import expand_home
from core.errors import AnomalureError, WrongUsage

if TYPE_CHECKING:
    from models.published.entry import PublishedModel

ABOUT = "list, get and remove published detectors and encoders"
_KINDS = ("detector", "encoder")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command: each of its jobs has its own."""
    jobs = parser.add_subparsers(dest="models_job", metavar="list|get|remove", required=True)
    show = add_job(jobs, "list", "the models of the table: their licence, size, and where their files belong")
    show.set_defaults(job=_list)
    show.add_argument("--kind", choices=_KINDS, help="only these")
    show.add_argument("--here", action="store_true", help="only those that can be used without a network")
    get = add_job(jobs, "get", "download a model into the cache of this computer; what broke off is resumed")
    get.set_defaults(job=_get)
    get.add_argument("names", nargs="+", metavar="NAME", help="names of the table, or timm/NAME for any model of timm")
    get.add_argument("--agree", action="store_true", help="agree to the terms of its licence, if it has any")
    get.add_argument("--from", dest="copies", default="", metavar="URL", help="a web folder with copies of the files")
    remove = add_job(jobs, "remove", "remove the files of a model from the cache")
    remove.set_defaults(job=_remove)
    remove.add_argument("names", nargs="+", metavar="NAME", help="names of the table")
    for job_parser in (show, get, remove):
        job_parser.add_argument(
            "--cache", type=Path, metavar="DIR", help="the folder of downloaded models; default: ANOMALURE_CACHE"
        )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Each of its jobs has a function of its own."""
    raise WrongUsage("Say what to do with models: list, get or remove.")


def _list(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.engines.cache_folder import cache_folder
    from models.published.cache import State, find_state
    from models.published.table import list_models

    _choose_cache(arguments)
    rows = [
        _describe(model)
        for model in list_models().values()
        if arguments.kind in (None, model.kind) and (not arguments.here or find_state(model) is State.HERE)
    ]
    if not arguments.json:
        plain = ("name", "state", "size", "licence", "commercial_use", "put_here")
        rows = [{key: row[key] for key in plain} for row in rows]
    return DONE, {"cache": str(cache_folder()), "models": rows}


def _get(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.published.cache import agree
    from models.published.getting import get_files

    def get(model: "PublishedModel") -> dict[str, Any]:
        if arguments.agree:
            agree(model)
        with ProgressLine("bytes") as line:
            got = get_files(model, copies=arguments.copies, on_progress=line.show)
        return {
            "name": model.name,
            "downloaded": got.n_downloaded,
            "files": [str(path) for path in got.paths],
            "sha256": list(got.sha256),
            "checksum": "as published"
            if got.is_checked
            else "none is published; recorded now, and compared from now on",
            "licence": model.licence,
        }

    return _for_each(arguments, get)


def _remove(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.published.cache import remove_model

    return _for_each(arguments, lambda model: {"name": model.name, "megabytes_freed": round(remove_model(model), 1)})


def _for_each(
    arguments: argparse.Namespace, act: "Callable[[PublishedModel], dict[str, Any]]"
) -> tuple[int, dict[str, Any]]:
    """Do the same with each model that was named. One that fails does not keep the others from it."""
    from models.published.table import get_model

    _choose_cache(arguments)
    chosen = [get_model(name) for name in arguments.names]
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for model in chosen:
        try:
            done.append(act(model))
        except AnomalureError as error:
            if len(chosen) == 1:
                raise
            failed.append({"name": model.name, "why": str(error)})
    result: dict[str, Any] = {"models": done}
    return (FAILED, {**result, "failed": failed}) if failed else (DONE, result)


def _describe(model: "PublishedModel") -> dict[str, Any]:
    from models.published.cache import State, find_path, find_state, has_agreed, measure_mb

    state = find_state(model)
    return {
        "name": model.name,
        "kind": model.kind,
        "state": str(state),
        "size": f"{measure_mb(model):,.0f} MB" if state is State.HERE else model.say_size(),
        "licence": model.licence,
        "commercial_use": model.say_commercial(),
        "terms": model.terms,
        "agreed": has_agreed(model),
        "about": model.about,
        "network": model.network,
        "input_px": model.input_px,
        "class_names": list(model.class_names),
        "put_here": [str(find_path(model, file)) for file in model.files],
        "addresses": [file.address for file in model.files],
        "checksums": [file.checksum or "none is published" for file in model.files],
    }


def _choose_cache(arguments: argparse.Namespace) -> None:
    if arguments.cache is not None:
        os.environ["ANOMALURE_CACHE"] = str(expand_home(arguments.cache).absolute())
