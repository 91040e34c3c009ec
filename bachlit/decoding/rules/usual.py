"""The rules that are usual for a chorale."""

from bachlit.decoding.rules.harmony import FinalTonic, InKey
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

_STRICT = (
    Sounding()
    & Ranges()
    & LargestLeap()
    & NoParallels()
    & NoCrossing()
    & Spacing()
    & NoHidden()
    & FinalTonic()
    & NoOverlap(1.0)
)

PART_WRITING = _STRICT & InKey(0.5)
"""What is asked of a chorale by default. The model leaves its key more often than Bach; half a nat brings it back."""

LIVELY = _STRICT & InKey(1.0) & Attack(-0.85, (0, 1, 2)) & Attack(-0.5, (3,))
"""The same for a decoder that seeks the likeliest piece: in that, less moves than in Bach's. The rewards were chosen on
validation pieces, for as many attacks as his, and what foreign notes cost, for fewer wrong ones."""
