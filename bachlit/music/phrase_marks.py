"""Signs in a score that a phrase ends: values that reading fills and a phrase finder weighs."""

from typing import Literal, NamedTuple

MarkKind = Literal["comma", "stop", "breath", "slur", "double bar", "line"]
"""Words' punctuation, within a sentence or at its end; a breath or caesura; the end of a slur or line; a double bar."""


class PhraseMark(NamedTuple):
    """Sign that a phrase ends, at the frame before which it stands."""

    frame: int
    kind: MarkKind
