"""Decoders: how a model's probabilities become music, and what they must respect."""

from bachlit.decoding.base import (
    Choice,
    Decoder,
    Generation,
    Model,
    RowGenerators,
    StepDecoder,
    TokenPrompt,
)
from bachlit.decoding.beam import BeamSearch
from bachlit.decoding.constraints import Both, Constraint, Grammar, State
from bachlit.decoding.greedy import Greedy
from bachlit.decoding.sampling import Sampling

__all__ = [
    "BeamSearch",
    "Both",
    "Choice",
    "Constraint",
    "Decoder",
    "Generation",
    "Grammar",
    "Greedy",
    "Model",
    "RowGenerators",
    "Sampling",
    "State",
    "StepDecoder",
    "TokenPrompt",
]
