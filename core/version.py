"""The version of Anomalure, written into every run and bundle."""

import re

VERSION = "0.1.0"


def is_newer(version: object) -> bool:
    """Whether a version that stands in a file is newer than this one; False for what is no version."""
    numbers, own = (_read_numbers(one) for one in (version, VERSION))
    return numbers > own


def _read_numbers(version: object) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)] if isinstance(version, str) else []
