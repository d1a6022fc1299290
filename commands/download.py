"""``cli.py download``: the photos of a COCO file that has their web addresses."""

import argparse
import sys
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, SOME_PHOTOS_FAILED
from commands.progress_line import ProgressLine

ABOUT = "download the photos of a COCO file that has their web addresses"
MOST_SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("coco", type=Path, metavar="COCO_FILE", help="a COCO file whose images have addresses")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder for the photos")
    parser.add_argument("--base", default="", metavar="URL", help="the address of the folder of the file names")
    parser.add_argument("--split", help="only the photos of this split")
    parser.add_argument("--at-once", type=_at_least_one, default=8, metavar="N", help="how many photos at once (8)")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Read, download, count."""
    from core.downloads.photos import FAILED_CSV, download_photos
    from core.downloads.wanted import read_wanted

    wanted = read_wanted(arguments.coco, arguments.out, base=arguments.base, split=arguments.split)
    print(f"Downloading {len(wanted.photos):,} photos from {', '.join(wanted.hosts[:5])}.", file=sys.stderr)
    with ProgressLine("photos") as line:
        found = download_photos(wanted.photos, arguments.out, at_once=arguments.at_once, on_progress=line.show)
    problems = list(wanted.problems)
    if found.other_size:
        problems.append(
            f"{len(found.other_size)} downloaded with another width or height than the file says, so boxes may not fit "
            f"(the first: {found.other_size[0]})"
        )
    return SOME_PHOTOS_FAILED if found.failed or wanted.n_left_out else DONE, {
        "out": str(arguments.out),
        "hosts": wanted.hosts,
        "photos": len(wanted.photos),
        "downloaded": found.done,
        "skipped": found.skipped,
        "failed": found.failed,
        "left_out": wanted.n_left_out,
        "megabytes": round(found.n_bytes / 1e6, 1),
        "failures": [{"file_name": photo.file_name, "why": why} for photo, why in found.failures[:MOST_SHOWN]],
        "failures_file": str(arguments.out / FAILED_CSV) if found.failed else "",
        "problems": problems,
    }


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number of 1 or more")
    return number
