"""The review queue of a run, which verdict holds, and how many anomalies remain."""
