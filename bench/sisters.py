"""Measures the sister methods: published ways to find anomalies in images, beside ours and beside simple controls.

    python bench/sisters.py [--quick] [--json] [--only PART ...]
    python bench/sisters.py --coco FILE

Each part is one file of ``bench/sister_parts`` and is found there. It has ``ABOUT``; ``add_options(parser)``;
``measure(arguments)``, which returns figures fit for JSON, None where its data is not there, or the
reason why else it is left out; ``list_targets(figures)``; and ``print_figures(figures)``.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import bench.sister_parts  # noqa: E402  (the project must be on the path first)
from bench.targets import Target, report  # noqa: E402
from core.registry import find_each  # noqa: E402


def main() -> None:
    """Measure the parts that were asked for, and print their tables."""
    parts = find_each(bench.sister_parts, "PART")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer seeds: all parts together in under three minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--only", nargs="+", choices=tuple(parts), default=tuple(parts), help="only these parts")
    for part in parts.values():
        part.add_options(parser)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    for name in arguments.only:
        measured = parts[name].measure(arguments)
        if measured is None or isinstance(measured, str):
            print(f"{name}: left out, {measured or 'its data is not there'}.", file=sys.stderr)
            continue
        figures[name] = measured
        targets += parts[name].list_targets(measured)

    def print_figures() -> None:
        for name, measured in figures.items():
            print(f"\n### {parts[name].ABOUT}\n")
            parts[name].print_figures(measured)

    report(figures, targets, as_json=arguments.json, print_figures=print_figures)


if __name__ == "__main__":
    main()
