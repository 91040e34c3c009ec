"""The usual rules for chorales."""

from bachlit.decoding.rules import part_writing
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
    & part_writing.NoOverlap(1.0)
)

PART_WRITING = _STRICT & InKey(0.5)
"""Default rules. The model leaves its key more often than Bach; half a nat corrects it."""

LIVELY = _STRICT & InKey(1.0) & part_writing.Attack(-0.85, (0, 1, 2)) & part_writing.Attack(-0.5, (3,))
"""Default rules for decoders that seek the likeliest piece, which moves less than Bach. The rewards were tuned on
validation pieces to match Bach's number of onsets, the cost of foreign notes to lower the error rate."""
