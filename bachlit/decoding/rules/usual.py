"""The usual rules for chorales."""

from bachlit.decoding.rules import cadences, motion, part_writing
from bachlit.decoding.rules.harmony import FinalTonic, InKey
from bachlit.decoding.rules.sevenths import Sevenths

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

_PHRASES = (
    cadences.FinalDominant(8.0) & cadences.PhraseTriad(8.0) & cadences.PhraseRest(5.0) & cadences.OpeningTonic(4.0)
)

_SEARCHED = cadences.PhraseCadence(1.5) & Sevenths(1.5) & motion.Variety(2.5)

PART_WRITING = _STRICT & _PHRASES & InKey(0.5)
"""Default rules. The model leaves its key more often than Bach; half a nat corrects it."""

LIVELY = (
    _STRICT
    & _PHRASES
    & _SEARCHED
    & InKey(-0.05)
    & motion.NoOscillation(3.0)
    & motion.Motion(-0.85, (0, 1, 2))
    & motion.Motion(-0.5, (3,))
    & motion.Passing(-0.5, (1, 2, 3))
    & motion.Suspension(-1.0, (1, 2))
)
"""Default rules for decoders that seek the likeliest piece, which moves less than Bach, copies what it wrote, and keeps
too much to its key. The numbers were tuned on validation pieces to match Bach's cadences and motion."""

PLAIN = _STRICT & motion.NoteAgainstNote() & _PHRASES & _SEARCHED
"""Rules of plain hymns for congregations: note against note."""
