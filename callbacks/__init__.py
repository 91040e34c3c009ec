"""Callbacks for the Trainer, installed as `bachlit.callbacks`."""

if __name__ != "bachlit.callbacks":
    raise ImportError(f"Import bachlit.callbacks, not {__name__}: as two modules every class here would exist twice.")

from bachlit.callbacks.score_writer import ScoreWriter

__all__ = ["ScoreWriter"]
