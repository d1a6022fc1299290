"""What verdicts teach: rankings and retrained bundles."""
