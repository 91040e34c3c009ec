"""Catalogue: names and limits that requests may use."""

import inspect
import math
import re
from typing import TYPE_CHECKING, Any, get_args

from bachlit.models.shipped import SHIPPED
from bachlit.music.chorale import VOICES
from bachlit.serving.options import DECODERS, NARROWEST, WIDEST
from bachlit.serving.settings import MOST_BYTES, MOST_FRAMES, MOST_PIECES

if TYPE_CHECKING:
    from bachlit.serving.answers import Models, Watch


def catalogue(models: "Models", watch: "Watch") -> dict[str, Any]:
    """List voices, decoders, rules, models, limits and the organ's sound, as plain data.

    Decoders and rules take PyTorch: a worker makes the list, once.

    Args:
        models: Gives the default model, some of whose rules have numbers of their own.
        watch: Unused: this takes no time.
    """
    from bachlit import decoding
    from bachlit.checking import PROFILES
    from bachlit.generation.choices import PhraseChoice, Style
    from bachlit.generation.harmonizing import harmonizer, rules_for
    from bachlit.generation.named_rules import built_in_rules
    from bachlit.rendering.organ import ATTACK, FERMATA_STRETCH, PARTIALS, RELEASE
    from bachlit.scores import SUFFIXES

    usual = rules_for(harmonizer(), calibration=models(None).calibration)
    return {
        "voices": list(VOICES),
        "decoders": [
            {"name": name, "about": _first_line(getattr(decoding, name)), "temperature": warm}
            for name, warm in DECODERS.items()
        ],
        "rules": [
            {
                "name": name,
                "about": _first_line(kind),
                "default": _weights([rule.weight for rule in usual if type(rule) is kind]),
            }
            for name, kind in built_in_rules().items()
        ],
        "checkpoints": list(SHIPPED),
        "styles": list(get_args(Style)),
        "phrases": list(get_args(PhraseChoice)),
        "profiles": list(PROFILES),
        "limits": {
            "bytes": MOST_BYTES,
            "sixteenths": MOST_FRAMES,
            "num": MOST_PIECES,
            "width": [NARROWEST, WIDEST],
        },
        "partials": list(PARTIALS),
        "attack": ATTACK,
        "release": RELEASE,
        "fermata_stretch": FERMATA_STRETCH,
        "formats": list(SUFFIXES),
    }


def _first_line(kind: type[Any]) -> str:
    """Give the first sentence of a class's docstring."""
    return re.split(r"[.:;](?:\s|$)", inspect.getdoc(kind) or "")[0].replace("*", "")


def _weights(weights: list[float]) -> Any:
    """Give a rule's usual weights: a number, or `inf` as text; several if the rule stands for several.

    >>> _weights([]), _weights([math.inf]), _weights([-0.5, -0.25])
    (0, 'inf', [-0.5, -0.25])
    """
    plain = [weight if math.isfinite(weight) else "inf" for weight in weights]
    return plain[0] if len(plain) == 1 else plain or 0
