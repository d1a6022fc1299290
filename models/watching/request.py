"""What a user asks of a watch."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from core.errors import WrongUsage
from core.settings.run import RunSettings
from core.work.request import Request
from models.encoders.spec import EncoderSpec

LONGEST_S = 7 * 24 * 3_600.0
FEWEST_PHOTOS, MOST_PHOTOS = 100, 1_000_000


@dataclass(frozen=True, kw_only=True)
class WatchRequest(Request):
    """What a user asks of a watch. Whom it tells is not in it: that comes from the command that starts it.

    A project may come from somebody else, and its files must not make this computer send anything anywhere.

    Attributes:
        folder: The folder that is watched.
        bundle: The bundle's name; empty: a first look.
        detector: As of a run.
        encoders: As of a run.
        deployments_csv: As of a run.
        settings: As of a run; ``event_gap_s`` cuts the events here, too.
        every_s: Pause between two looks at the folder.
        settle_s: A file counts as written if it has not changed for so long.
        patience_s: How much longer than the gap to wait for a photo of an event that comes late.
        give_up_s: A picture whose end is missing is taken as it is after so long without a change.
        run_photos: The run gets no further photos once it has so many; the next ones begin another.
        dashboard: The address of the dashboard, for links in what is told.
        tells: The names of the channels that it was started with last.
    """

    kind: ClassVar[str] = "watch"
    room: ClassVar[str] = "watches"
    what: ClassVar[str] = "watch"

    folder: Path
    bundle: str = ""
    detector: str = ""
    encoders: tuple[EncoderSpec, ...] = ()
    deployments_csv: Path | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    every_s: float = 5.0
    settle_s: float = 5.0
    patience_s: float = 60.0
    give_up_s: float = 600.0
    run_photos: int = 20_000
    dashboard: str = ""
    tells: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse numbers that cannot be.

        Raises:
            WrongUsage: If one is out of its range.
        """
        for name, low in (("every_s", 0.05), ("settle_s", 0.0), ("patience_s", 0.0), ("give_up_s", 0.0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= LONGEST_S):
                option = name.removesuffix("_s").replace("_", "-")
                raise WrongUsage(f"--{option} is a time of {low:g} to {LONGEST_S:g} seconds, got {value:g}.")
        if not FEWEST_PHOTOS <= self.run_photos <= MOST_PHOTOS:
            raise WrongUsage(f"--run-photos is {FEWEST_PHOTOS} to {MOST_PHOTOS:,} photos, got {self.run_photos}.")
        if self.dashboard and not self.dashboard.startswith(("http://", "https://")):
            raise WrongUsage(f"The dashboard's address begins with http:// or https://, got {self.dashboard!r}.")
