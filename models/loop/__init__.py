"""Learning from verdicts: rankings and retrained bundles."""
