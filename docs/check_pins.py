"""Asks a public database whether versions in constraints.txt are known to be vulnerable: part of ``make lint``.

Where the database cannot be reached, it says so, and that is no error.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
PATIENCE_S = 60.0
OF_A_REQUEST_S = 5
NOT_CHECKED = "The pinned packages were not checked for known vulnerabilities"


def main() -> int:
    """1 if there is a known vulnerability, else 0."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(OF_A_REQUEST_S)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        print(f"{NOT_CHECKED}: the database did not answer within {PATIENCE_S:g} seconds.")
        return 0
    try:
        found = describe(json.loads(answer.stdout))
    except (ValueError, KeyError, TypeError):
        last = (answer.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"{NOT_CHECKED}: the database could not be asked ({last[:200]}).")
        return 0
    print("\n".join(found) or "No pinned package is known to be vulnerable.")
    return 1 if found else 0


def describe(answer: dict[str, Any]) -> list[str]:
    """A line for each known vulnerability in what pip-audit says."""
    found = []
    for package in answer["dependencies"]:
        for one in package.get("vulns", ()):
            corrected = ", ".join(one["fix_versions"]) or "nothing yet"
            found.append(f"{package['name']} {package['version']}: {one['id']}, corrected in {corrected}")
    return found


if __name__ == "__main__":
    sys.exit(main())
