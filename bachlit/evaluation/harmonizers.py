"""Harmonizers: decoders with the rules that they keep, by name, as they are compared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bachlit.classes import class_at
from bachlit.decoding import PART_WRITING, BeamSearch, Decoder, Gibbs, Greedy, Particles, Rules, Sampling
from bachlit.errors import OptionError
from bachlit.generation.named_rules import weighed_rules
from bachlit.generation.ranking import plain


@dataclass(frozen=True)
class Harmonizer:
    """A decoder with its rules.

    Attributes:
        decoder: Chooses the notes.
        rules: What they must keep: `Rules`; numbers by name as on the command line, which change the usual rules; the
            word none; or None for the usual rules.
    """

    decoder: Decoder
    rules: Any = None

    def weighed(self) -> Rules:
        """The rules themselves.

        Raises:
            OptionError: If a rule isn't known, or its number is none.
        """
        return self.rules if isinstance(self.rules, Rules) else weighed_rules(self.rules, self.decoder)

    def described(self) -> dict[str, Any]:
        """The decoder and the rules as plain data."""
        return {"decoder": plain(self.decoder), "rules": plain(self.weighed())}


HARMONIZERS: dict[str, Harmonizer] = {
    "beam": Harmonizer(BeamSearch(16)),
    "beam-strict": Harmonizer(BeamSearch(16), PART_WRITING),
    "beam-free": Harmonizer(BeamSearch(16), Rules()),
    "gibbs": Harmonizer(Gibbs(BeamSearch(8), rounds=30), PART_WRITING),
    "particles": Harmonizer(Particles(32)),
    "sampling": Harmonizer(Sampling(0.9)),
    "greedy": Harmonizer(Greedy(), PART_WRITING),
    "greedy-free": Harmonizer(Greedy(), Rules()),
}
"""Those that have a name: with the usual rules, `strict` without rewards for movement, `free` without rules."""


def named(names: str | Mapping[str, Harmonizer | Decoder]) -> dict[str, Harmonizer]:
    """Harmonizers as they are typed.

    Args:
        names: Names in `HARMONIZERS`, of decoders (`Greedy`) or dotted paths of one's own, with commas between; or a
            mapping, in which a decoder alone has the usual rules.

    Raises:
        OptionError: If a name is none, or nothing is named.

    >>> list(named("beam, Greedy"))
    ['beam', 'Greedy']
    """
    if isinstance(names, str):
        chosen = {name: _by_name(name) for name in map(str.strip, names.split(",")) if name}
    else:
        chosen = {name: one if isinstance(one, Harmonizer) else Harmonizer(one) for name, one in names.items() if one}
    if not chosen:
        raise OptionError(f"No decoder is named; expected some of {', '.join(HARMONIZERS)}; name at least one.")
    odd = next((name for name in chosen if not re.fullmatch(r"[\w.+-]+", name)), None)
    if odd is not None:
        raise OptionError(f"{odd!r} can't name a decoder; expected letters, digits, dots, hyphens, + and _; rename it.")
    for harmonizer in chosen.values():
        harmonizer.weighed()  # so that a wrong rule is told before any work
    return chosen


def _by_name(name: str) -> Harmonizer:
    if name in HARMONIZERS:
        return HARMONIZERS[name]
    try:
        path = name if "." in name else f"bachlit.decoding.{name}"
        return Harmonizer(class_at(path, Decoder)())  # type: ignore[type-abstract]  # what comes back is concrete
    except (ImportError, TypeError) as error:
        reason = f" ({error})" if "." in name else ""
        raise OptionError(
            f"There is no decoder {name!r}{reason}; expected {', '.join(HARMONIZERS)}, a decoder's class, or the "
            "dotted path of your own that needs no options."
        ) from error
