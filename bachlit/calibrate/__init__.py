"""Calibrate a model: numbers of its usual rules, and the weights by which its harmonisations are ranked."""
