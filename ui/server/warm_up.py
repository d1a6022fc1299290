"""Loads in the background, while the dashboard starts, what the first visitor would wait for. Knows no Streamlit."""

import gc
import importlib
import logging
import threading

from ui.server.later import load_router
from ui.shared.project_place import find_project_folder, open_project

# What every page needs, then what Review needs, because that is what is opened first.
PAGE_MODULES = (
    *("core.study.project", "ui.forms.cached", "ui.shared.csv_download", "ui.review.board", "ui.review.remaining"),
)
_log = logging.getLogger(__name__)
_imported = threading.Event()
_imported.set()  # nothing is being imported yet


def begin_warm_up() -> threading.Thread:
    """Warm up in a background thread that ends with the process."""
    _imported.clear()
    thread = threading.Thread(target=_warm_up, name="warm-up", daemon=True)
    thread.start()
    return thread


def wait_for_imports() -> None:
    """Wait until the background thread has imported what it imports, if it does so.

    Two threads that import modules which need each other may see a module of which only the first half has run.
    """
    _imported.wait()


def _warm_up() -> None:
    try:
        try:
            _load_pages()
        finally:
            _imported.set()
        if find_project_folder().is_dir():
            _read_newest_run()
    except Exception as error:  # the page that needs it reports the error
        _log.info("Not warmed up: %s", error)
    # Streamlit collects garbage after each run of its script, and everything else waits meanwhile.
    # The objects loaded so far stay in use, so they are left out of later collections.
    gc.collect()
    gc.freeze()


def _load_pages() -> None:
    for name in PAGE_MODULES:
        importlib.import_module(name)
    load_router()


def _read_newest_run() -> None:
    """The index that the Review page opens, and what its filters offer."""
    from core.review.filters import QueueFilters

    project = open_project()
    run = project.latest_run()
    if run is None or not run.is_scored():
        return
    index = project.review_index(run)
    for column in ("species", "deployment"):
        index.names(column)
    index.ranges()
    first = index.open_view(QueueFilters(undecided_only=True))
    index.rows(first.places[:1])
