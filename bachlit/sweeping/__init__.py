"""Hyper-parameter search: many fits over a space of options, suggested by Optuna, the command `bachlit sweep`.

Nothing is imported here, so that a trial, which wants `pruning` alone, doesn't wait for Optuna.
"""
