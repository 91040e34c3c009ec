"""Benchmarks: each prints its figures beside a baseline's, measured in the same run."""
