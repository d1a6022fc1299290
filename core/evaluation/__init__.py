"""A run measured against labels: figures, intervals and curves."""
