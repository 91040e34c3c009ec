"""Decoders and constraints: from a model's probabilities to notes."""

from bachlit.decoding.base import Decoder, RowGenerators, StepDecoder
from bachlit.decoding.beam import BeamSearch
from bachlit.decoding.constraints import Both, Constraint, Grammar, State
from bachlit.decoding.contracts import Choice, Generation, Model, Predictor, TokenPrompt, Yielded
from bachlit.decoding.gibbs import Gibbs
from bachlit.decoding.greedy import Greedy
from bachlit.decoding.particles import Particles
from bachlit.decoding.rules.base import Rule, Rules
from bachlit.decoding.rules.cadences import (
    FinalDominant,
    FinalThird,
    OpeningTonic,
    PhraseCadence,
    PhraseRest,
    PhraseTriad,
)
from bachlit.decoding.rules.chords import ChordTones
from bachlit.decoding.rules.enforced import Enforced
from bachlit.decoding.rules.figured_bass import FiguredBass
from bachlit.decoding.rules.grid import FREE, Grid
from bachlit.decoding.rules.harmony import FinalTonic, InKey
from bachlit.decoding.rules.motion import Motion, NoOscillation, NoteAgainstNote, Passing, Suspension, Variety
from bachlit.decoding.rules.part_writing import (
    Attack,
    LargestLeap,
    NoCrossing,
    NoHidden,
    NoOverlap,
    NoParallels,
    Ranges,
    Sounding,
    Spacing,
)
from bachlit.decoding.rules.position import Position
from bachlit.decoding.rules.sevenths import Sevenths
from bachlit.decoding.rules.usual import LIVELY, PART_WRITING, PLAIN
from bachlit.decoding.sampling import Sampling
from bachlit.decoding.walk import Walk, stepping

__all__ = [
    "FREE", "LIVELY", "PART_WRITING", "PLAIN", "Attack", "BeamSearch", "Both", "Choice", "ChordTones", "Constraint",
    "Decoder", "Enforced", "FiguredBass", "FinalDominant", "FinalThird", "FinalTonic", "Generation", "Gibbs",
    "Grammar", "Greedy", "Grid", "InKey", "LargestLeap", "Model", "Motion", "NoCrossing", "NoHidden",
    "NoOscillation", "NoOverlap", "NoParallels", "NoteAgainstNote", "OpeningTonic", "Particles", "Passing",
    "PhraseCadence", "PhraseRest", "PhraseTriad", "Position", "Predictor", "Ranges", "RowGenerators", "Rule",
    "Rules", "Sampling", "Sevenths", "Sounding", "Spacing", "State", "StepDecoder", "Suspension", "TokenPrompt",
    "Variety", "Walk", "Yielded", "stepping",
]  # fmt: skip
