"""The parts of ``bench/sisters.py``, one sister method each, found by their files."""
