"""Callbacks for the Trainer, installed as `bachlit.callbacks`."""

if __name__ != "bachlit.callbacks":
    raise ImportError(f"Import bachlit.callbacks, not {__name__}: as two modules every class here would exist twice.")

from bachlit.callbacks.decoding_evaluation import DecodingEvaluation
from bachlit.callbacks.last_checkpoint import LastCheckpoint
from bachlit.callbacks.model_card import ModelCard
from bachlit.callbacks.network_summary import NetworkSummary
from bachlit.callbacks.progress import EpochBar, EpochLines
from bachlit.callbacks.score_writer import ScoreWriter
from bachlit.callbacks.training_curves import TrainingCurves
from bachlit.callbacks.weight_average import WeightAverage

__all__ = [
    "DecodingEvaluation", "EpochBar", "EpochLines", "LastCheckpoint", "ModelCard", "NetworkSummary", "ScoreWriter",
    "TrainingCurves", "WeightAverage",
]  # fmt: skip
