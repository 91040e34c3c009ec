"""The usual rules for chorales."""

from bachlit.decoding.rules import cadences, motion, part_writing
from bachlit.decoding.rules.harmony import FinalTonic, InKey

_STRICT = (
    part_writing.Sounding()
    & part_writing.Ranges()
    & part_writing.LargestLeap()
    & part_writing.NoParallels()
    & part_writing.NoCrossing()
    & part_writing.Spacing()
    & part_writing.NoHidden()
    & FinalTonic()
    & cadences.FinalThird()
    & part_writing.NoOverlap(1.0)
)

PART_WRITING = _STRICT & InKey(0.5)
"""Default rules. The model leaves its key more often than Bach; half a nat corrects it."""

LIVELY = (
    _STRICT
    & InKey(0.3)
    & cadences.FinalDominant(5.0)
    & cadences.PhraseTriad(3.0)
    & cadences.PhraseCadence(1.0)
    & cadences.PhraseRest(3.0)
    & cadences.OpeningTonic(2.0)
    & motion.NoOscillation(3.0)
    & motion.Variety(0.7)
    & motion.Motion(-0.85, (0, 1, 2))
    & motion.Motion(-0.5, (3,))
)
"""Default rules for decoders that seek the likeliest piece, which moves less than Bach."""
