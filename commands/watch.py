"""``cli.py watch``: run what arrives in a folder, event by event, and tell of what is odd."""

import argparse
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, SOME_PHOTOS_FAILED
from commands.options import add_encoder, add_settings, open_project, read_encoder_specs, read_settings
from commands.progress_line import ProgressLine
from core.errors import WrongUsage

if TYPE_CHECKING:
    from core.study.project import Project
    from core.watch.channel import Channel

ABOUT = "run what arrives in a folder, event by event, and tell of what is odd"
DEFAULT_DASHBOARD = "http://localhost:8501"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--name", metavar="W", help="the watch's name; default: the folder's name")
    parser.add_argument("--once", action="store_true", help="do what is there and end, for example from cron")
    parser.add_argument("--bundle", default="", help="default: the active one; without any, a first look")
    parser.add_argument("--first-look", action="store_true", help="score the photos against each other")
    parser.add_argument("--detector", default="", metavar="NAME_OR_PATH", help="as for run")
    parser.add_argument("--deployments", type=Path, metavar="CSV", help="as for run")
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")

    group = parser.add_argument_group("when a photo and an event are complete")
    group.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between two looks; default 5")
    group.add_argument(
        "--settle", type=float, default=5.0, metavar="S", help="a file is written if it does not change for so long"
    )
    group.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="S",
        help="an event is finished if no photo of it came for the event gap and so many seconds more; default 60",
    )
    group.add_argument(
        "--give-up",
        type=float,
        default=600.0,
        metavar="S",
        help="a photo whose end is missing is taken as it is after so long without a change; default 600",
    )
    group.add_argument(
        "--run-photos", type=int, default=20_000, metavar="N", help="a new run begins after so many; default 20,000"
    )

    group = parser.add_argument_group("whom to tell (any of these together)")
    group.add_argument("--csv", type=Path, metavar="FILE", help="add a line for each event to this file")
    group.add_argument(
        "--webhook",
        metavar="URL",
        help="post each event as JSON; env: the address is in ANOMALURE_WEBHOOK; a token in ANOMALURE_WEBHOOK_TOKEN",
    )
    group.add_argument("--webhook-token-file", type=Path, metavar="FILE", help="the token, in place of the variable")
    group.add_argument("--email", metavar="TO", help="send mails to this address; several with commas")
    group.add_argument("--smtp", metavar="HOST[:PORT]", help="the mail server; port 587 unless told otherwise")
    group.add_argument("--smtp-user", default="", metavar="NAME", help="its password is in ANOMALURE_SMTP_PASSWORD")
    group.add_argument("--smtp-password-file", type=Path, metavar="FILE", help="the password, in place of the variable")
    group.add_argument("--email-from", default="", metavar="ADDRESS", help="the address that mails come from")
    group.add_argument(
        "--email-every", type=float, default=30.0, metavar="MIN", help="at most one mail in so many minutes; default 30"
    )
    group.add_argument("--only-flagged", action="store_true", help="web hook and mail: only events with a flagged crop")
    group.add_argument(
        "--dashboard", default=DEFAULT_DASHBOARD, metavar="URL", help=f"for links; default {DEFAULT_DASHBOARD}"
    )
    add_encoder(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Watch; exit code 3 if something could not be told, or is not complete yet."""
    from core.watch.state import read_state
    from core.work.meter import Cancelled
    from models.jobs.watch import describe, find_name, is_flawed, watch_at_once
    from models.watching.request import WatchRequest

    project = open_project(arguments)
    channels = open_channels(arguments, project)
    folder = arguments.folder.absolute()
    request = WatchRequest(
        name=arguments.name or find_name(project, folder),
        folder=folder,
        bundle="" if arguments.first_look else arguments.bundle or project.store.active_bundle(),
        detector=arguments.detector,
        encoders=read_encoder_specs(arguments),
        deployments_csv=arguments.deployments,
        settings=read_settings(arguments),
        every_s=arguments.every,
        settle_s=arguments.settle,
        patience_s=arguments.patience,
        give_up_s=arguments.give_up,
        run_photos=arguments.run_photos,
        dashboard=arguments.dashboard,
        tells=tuple(channel.name for channel in channels),
    )
    _end_on_sigterm()
    with ProgressLine("photos") as line:
        try:
            result = watch_at_once(
                project,
                request,
                channels=channels,
                once=arguments.once,
                allow_code=arguments.allow_code,
                on_progress=line.show_progress,
            )
        except Cancelled:  # the usual end of a watch
            result = describe(request.name, read_state(project.path / request.work_id))
    code = SOME_PHOTOS_FAILED if is_flawed(result) else DONE
    if not arguments.json:  # people have the digest elsewhere
        result = {name: value for name, value in result.items() if name != "last" and value not in ("", {}, [])}
    return code, result


def open_channels(arguments: argparse.Namespace, project: "Project") -> "list[Channel]":
    """Whom the options say to tell.

    Raises:
        AnomalureError: If an address, a file or a secret cannot be used.
    """
    from core.disk.bounded import read_bounded
    from core.watch.csv_file import CsvFile
    from core.watch.mail import PASSWORD_VARIABLE, Mail
    from core.watch.secrets import read_secret
    from core.watch.web_hook import ADDRESS_VARIABLE, TOKEN_VARIABLE, WebHook

    channels: list[Channel] = []
    if arguments.csv is not None:
        channels.append(CsvFile(arguments.csv))
    if arguments.webhook is not None:
        address = arguments.webhook
        if address == "env":
            address = os.environ.get(ADDRESS_VARIABLE, "")
            if not address:
                raise WrongUsage(f"The variable {ADDRESS_VARIABLE} is empty. Put the web hook's address into it.")
        token = read_secret(TOKEN_VARIABLE, arguments.webhook_token_file)
        channels.append(WebHook(address, token=token, only_flagged=arguments.only_flagged))
    if (arguments.email is None) != (arguments.smtp is None):
        raise WrongUsage("Mails need both: --email with the address, and --smtp with the server.")
    if arguments.email is not None:

        def read_picture(crop_id: str) -> bytes | None:
            path = project.crop_path(crop_id)
            try:
                return read_bounded(path, most_bytes=1_000_000) if path is not None else None
            except (OSError, ValueError):
                return None

        channels.append(
            Mail(
                arguments.email,
                arguments.smtp,
                sender=arguments.email_from,
                user=arguments.smtp_user,
                password=read_secret(PASSWORD_VARIABLE, arguments.smtp_password_file) if arguments.smtp_user else "",
                every_min=arguments.email_every,
                only_flagged=arguments.only_flagged,
                read_picture=read_picture,
            )
        )
    return channels


def _end_on_sigterm() -> None:
    """Let ``systemctl stop`` and ``kill`` end a watch as Ctrl-C does."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)
