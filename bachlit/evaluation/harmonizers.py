"""Harmonizers: named combinations of a decoder and rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bachlit.classes import class_at, class_named, imported
from bachlit.decoding import PART_WRITING, BeamSearch, Decoder, Gibbs, Greedy, Particles, Rules, Sampling
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import CANDIDATES, harmonizer
from bachlit.generation.named_rules import weighed_rules
from bachlit.generation.ranking import plain
from bachlit.models.calibration import Calibration


@dataclass(frozen=True)
class Harmonizer:
    """Decoder with its rules.

    Attributes:
        decoder: Chooses the notes.
        rules: `Rules`; weights by name, as on the command line, which change the usual rules; the word none; or None
            for the usual rules.
        candidates: Number of pieces of which the one with most merit is taken.
    """

    decoder: Decoder
    rules: Any = None
    candidates: int = 1

    def weighed(self, calibration: Calibration | None = None) -> Rules:
        """Resolve the rules.

        Args:
            calibration: Of the model, whose numbers count where the rules say nothing.

        Raises:
            OptionError: If a rule is unknown, or its weight isn't a number.
        """
        if isinstance(self.rules, Rules):
            return self.rules
        return weighed_rules(self.rules, self.decoder, calibration=calibration)

    def described(self, calibration: Calibration | None = None) -> dict[str, Any]:
        """Describe decoder and rules, under a calibration, as plain data."""
        does = (type(self.decoder).__doc__ or "").strip().partition("\n")[0]
        described = {"decoder": plain(self.decoder), "does": does, "rules": plain(self.weighed(calibration))}
        return described if self.candidates == 1 else described | {"candidates": self.candidates}


HARMONIZERS: dict[str, Harmonizer] = {
    "beam": Harmonizer(harmonizer(), candidates=CANDIDATES),
    "beam-strict": Harmonizer(BeamSearch(16), PART_WRITING),
    "beam-free": Harmonizer(BeamSearch(16), Rules()),
    "gibbs": Harmonizer(Gibbs(BeamSearch(8), rounds=30), PART_WRITING),
    "particles": Harmonizer(Particles(32)),
    "sampling": Harmonizer(Sampling(0.9)),
    "greedy": Harmonizer(Greedy(), PART_WRITING),
    "greedy-free": Harmonizer(Greedy(), Rules()),
}
"""Harmonizers by name: with the usual rules; `strict` without rewards for movement; `free` without rules."""


def named(names: str | Mapping[str, Harmonizer | Decoder]) -> dict[str, Harmonizer]:
    """Parse the names of harmonizers.

    Args:
        names: Comma-separated names in `HARMONIZERS`, of decoders (`Greedy`), or dotted paths of your own; or a
            mapping, in which a bare decoder gets the usual rules.

    Raises:
        OptionError: If a name is unknown, or there is none.

    >>> list(named("beam, Greedy"))
    ['beam', 'Greedy']
    """
    if isinstance(names, str):
        chosen = {name: _by_name(name) for name in map(str.strip, names.split(",")) if name}
    else:
        chosen = {name: one if isinstance(one, Harmonizer) else Harmonizer(one) for name, one in names.items() if one}
    if not chosen:
        raise OptionError(f"No decoder is named; expected at least one of {', '.join(HARMONIZERS)}.")
    odd = next((name for name in chosen if not re.fullmatch(r"[\w.+-]+", name)), None)
    if odd is not None:
        raise OptionError(f"{odd!r} can't name a decoder; expected letters, digits, dots, hyphens, + and _.")
    for one in chosen.values():
        one.weighed()  # fail on a wrong rule before any work
    return chosen


def described(
    harmonizers: Mapping[str, Harmonizer], calibrations: Mapping[str, Calibration]
) -> dict[str, dict[str, Any]]:
    """Describe harmonizers by name, and for each model if the rules have other numbers in some.

    Args:
        harmonizers: By name.
        calibrations: Those of the models, by name.
    """
    first, *others = calibrations.values()
    if all(one.rules == first.rules for one in others):
        return {name: one.described(first) for name, one in harmonizers.items()}
    return {
        f"{name}, {model}": one.described(calibration)
        for name, one in harmonizers.items()
        for model, calibration in calibrations.items()
    }


def _by_name(name: str) -> Harmonizer:
    if name in HARMONIZERS:
        return HARMONIZERS[name]
    try:
        path = name if "." in name else f"bachlit.decoding.{name}"
        found = class_at if "." in name or imported(path) else class_named
        return Harmonizer(found(path if found is class_at else name, Decoder)())  # type: ignore[type-abstract]
    except (ImportError, TypeError) as error:
        reason = f" ({error})" if "." in name else ""
        raise OptionError(
            f"There is no decoder {name!r}{reason}; expected {', '.join(HARMONIZERS)}, a decoder's class, or a dotted "
            "path to your own, without options."
        ) from error
