"""Gets the files of a published model into the cache: from its publisher, or from a server that has copies of them."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from core.disk.locks import LockUnwritable
from core.downloads.asking import DownloadFailed, Patience
from core.downloads.one_file import download_file
from core.errors import AnomalureError, WrongUsage
from models.engines.cache_folder import cache_folder
from models.published.cache import check_file, check_terms, find_path, say_by_hand, write_receipt
from models.published.entry import PublishedModel


@dataclass(frozen=True)
class Got:
    """The files of a model: their paths and SHA-256, and how many of them were downloaded just now.

    ``is_checked``: whether the checksums of all files were compared with what their publisher states.
    """

    paths: tuple[Path, ...]
    sha256: tuple[str, ...]
    n_downloaded: int
    is_checked: bool


def get_files(
    model: PublishedModel,
    *,
    copies: str = "",
    patience: Patience | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    check: Callable[[], None] = lambda: None,
) -> Got:
    """Download what is missing of a model. What is there already is checked, and no server is asked for it.

    Args:
        model: The model.
        copies: The address of a folder with copies of the files, as ``--from`` takes it; empty: their publisher's.
        on_progress: Called with the bytes of the current file that are there, and all of it, 0 if that is not known.
        check: Called a few times a second; what it raises ends the download, and it is resumed later.

    Raises:
        TermsNotAgreed: If its terms have to be agreed to first (``agree``).
        AnomalureError: If a file cannot be had or written, or is not what it should be. The text says where to put it
            by hand.
    """
    if copies and (urlsplit(copies).scheme not in ("http", "https") or not urlsplit(copies).netloc):
        raise WrongUsage(f"--from is the web address of a folder, beginning with https:// or http://, got {copies!r}.")
    check_terms(model)
    receipts, n_downloaded = [], 0
    for file in model.files:
        path = find_path(model, file)
        if not path.is_file():
            address = f"{copies.rstrip('/')}/{quote(file.name)}" if copies else file.address
            try:
                received = download_file(
                    address, path, checksum=file.checksum, patience=patience, on_progress=on_progress, check=check
                )
            except DownloadFailed as failure:
                raise AnomalureError(
                    f"{model.name} could not be downloaded from {urlsplit(address).netloc}: {failure}. "
                    f"Try again later: what is there is kept. {say_by_hand(model)}"
                ) from failure
            except (OSError, LockUnwritable) as error:
                raise AnomalureError(_explain_disk(model, error)) from error
            write_receipt(path, sha256=received.sha256, address=address, is_checked=received.is_checked)
            n_downloaded += 1
        receipts.append(check_file(model, file))
    return Got(
        tuple(find_path(model, file) for file in model.files),
        tuple(receipt.sha256 for receipt in receipts),
        n_downloaded,
        all(receipt.is_checked for receipt in receipts),
    )


def _explain_disk(model: PublishedModel, error: Exception) -> str:
    what = getattr(error, "strerror", None) or str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"There is not enough room for {model.name} in {cache_folder()} ({what}). Make room, or choose another "
            "folder with the environment variable ANOMALURE_CACHE or --cache, then start again: what is there is kept."
        )
    return (
        f"{model.name} cannot be written to {cache_folder()} ({what}). Choose a folder that you may write to, with the "
        "environment variable ANOMALURE_CACHE or --cache."
    )
