"""Benchmark: one run prints how long people wait, as ratios to baselines and floors of the same run."""
