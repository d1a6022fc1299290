"""The rule which of the verdicts on a crop holds, as SQL for every query that needs it.

Verdicts up to and including the last one that takes back are void. Of the rest, the latest that a reviewer gave on the
crop itself holds; if there is none, the latest that was given to a group of crops.
"""

TAKES_BACK = "coalesce({0}verdict, '') = ''"
IS_OWN = "coalesce({0}given_to, '') = ''"


def find_holding(table: str = "") -> str:
    """An SQL aggregate: the ``sequence`` of the verdict that holds, or of the last that takes back if none holds.

    Args:
        table: The name of the verdicts in the query, with the columns ``sequence, verdict, given_to``; may be empty.
    """
    of = f"{table}." if table else ""
    back, own = TAKES_BACK.format(of), IS_OWN.format(of)
    newest = f"max({of}sequence) FILTER"
    void = f"coalesce({newest} ({back}), 0)"
    return f"""CASE WHEN {newest} (NOT {back} AND {own}) > {void} THEN {newest} (NOT {back} AND {own})
                    WHEN {newest} (NOT {back}) > {void} THEN {newest} (NOT {back}) ELSE {void} END"""


def find_taking_back(table: str = "") -> str:
    """An SQL aggregate: whether one of the verdicts takes back."""
    return f"bool_or({TAKES_BACK.format(f'{table}.' if table else '')})"
