"""Hyper-parameter search by Optuna over the options of `bachlit fit`: the command `bachlit sweep`.

Nothing is imported here: a trial needs `pruning` alone, and no Optuna.
"""
