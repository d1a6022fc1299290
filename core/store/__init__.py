"""The project's database of verdicts, runs, bundles and settings: the only SQL on it."""
