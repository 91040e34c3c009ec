"""Rules of part-writing by name and weight, and ranges of voices, as typed."""

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bachlit import decoding
from bachlit.classes import class_at
from bachlit.decoding import LIVELY, PART_WRITING, ChordTones, Decoder, FiguredBass, Ranges, Rule, Rules
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import Style, rules_for
from bachlit.models.calibration import Calibration
from bachlit.music.chorale import VOICES, Voice
from bachlit.music.notes import pitch_named

_HELP_ROW = "  {:11}  {:>10}  {:>4}  {}"


def weighed_rules(
    typed: Mapping[str, Any] | str | None,
    decoder: Decoder,
    style: Style = "chorale",
    calibration: Calibration | None = None,
) -> Rules:
    """Weigh a decoder's usual rules by typed numbers.

    Args:
        typed: Nats by rule: its name, or the dotted path of one's own; `all` may be 0, for which `none` stands. Rules
            outside the usual set follow it.
        decoder: Decides which rules are usual.
        style: Likewise.
        calibration: Of the model, whose numbers count where none is typed.

    Raises:
        OptionError: If there is no such rule, or its weight isn't a number.

    >>> from bachlit.decoding import Greedy
    >>> str(weighed_rules({"all": 0, "NoParallels": 2}, Greedy()))
    'NoParallels'
    """
    if isinstance(typed, str):
        typed = {"all": 0} if typed == "none" else {typed: None}
    numbers = dict(typed or {})
    rules = list(rules_for(decoder, style, calibration))
    if "all" in numbers:
        if _number("all", numbers.pop("all")) != 0:
            raise OptionError("All rules at once can only be switched off; expected --rules none; name each of them.")
        rules = [replace(rule, weight=0.0) for rule in rules]
    for name, value in numbers.items():
        kind, weight = _rule(name), _number(name, value)
        if any(type(rule) is kind for rule in rules):
            rules = [replace(rule, weight=weight) if type(rule) is kind else rule for rule in rules]
        else:
            rules.append(kind(weight=weight))
    return Rules(tuple(rule for rule in rules if rule.weight != 0))


def named_ranges(typed: str) -> dict[Voice, tuple[int, int]]:
    """Read the ranges of voices, in MIDI pitches.

    Args:
        typed: Voices with their lowest and highest note, such as "tenor:C3-G4, bass:E2-C4".

    Raises:
        OptionError: If it is no such list, names a voice twice, or a highest note is below its lowest.

    >>> named_ranges("tenor:C3-G4, bass:E2-Bb3")
    {'tenor': (48, 67), 'bass': (40, 58)}
    """
    ranges: dict[Voice, tuple[int, int]] = {}
    for part in typed.split(","):
        name, _, notes = part.strip().partition(":")
        voice = next((one for one in VOICES if one == name.strip().lower()), None)
        try:
            low, high = (pitch_named(note) for note in notes.split("-"))
        except ValueError:
            voice = None
        if voice is None or voice in ranges or low > high:
            raise OptionError(
                f"The range {part.strip()!r} isn't possible; expected each voice at most once, with its lowest and "
                "highest note, such as tenor:C3-G4, and commas between several."
            )
        ranges[voice] = low, high
    return ranges


def with_ranges(rules: Rules, ranges: Mapping[Voice, tuple[int, int]]) -> Rules:
    """Give a rule `Ranges` other ranges of some voices; without such a rule, forbid what is outside them.

    >>> [rule.tenor for rule in with_ranges(Rules(), {"tenor": (48, 67)})]
    [(48, 67)]
    """
    options: dict[str, Any] = {str(voice): compass for voice, compass in ranges.items()}
    if not any(isinstance(rule, Ranges) for rule in rules):
        return rules & Ranges(**options)
    return Rules(tuple(replace(rule, **options) if isinstance(rule, Ranges) else rule for rule in rules))


def rules_help() -> str:
    """Tabulate the rules for `--help`: names, usual weights and meanings."""
    lines = [_HELP_ROW.format("", "search", "draw", "").rstrip()]
    for name, kind in _rules().items():
        weights = [[f"{rule.weight:g}" for rule in rules if type(rule) is kind] for rules in (LIVELY, PART_WRITING)]
        meaning = re.split("[.:;]", inspect.getdoc(kind) or "")[0]
        lines.append(_HELP_ROW.format(name, *("/".join(some) or "0" for some in weights), meaning))
    return (
        "rules, each --rules.NAME NUMBER: the nats that a breach costs, inf to forbid it, 0 to switch it off. Their\n"
        "usual numbers for decoders that search (such as BeamSearch) and that draw (such as Sampling):\n"
        + "\n".join(lines)
        + "\nA calibrated model has numbers of its own for some of them."
        + "\nA rule of your own is --rules.yourmodule.YourRule NUMBER."
    )


def _rules() -> dict[str, type[Rule]]:
    """List the built-in rules whose only required option is the weight, the usual ones first."""
    kinds = [type(rule) for rule in LIVELY]
    kinds += [
        kind
        for kind in vars(decoding).values()
        if inspect.isclass(kind)
        and issubclass(kind, Rule)
        and not inspect.isabstract(kind)
        and kind not in (ChordTones, FiguredBass)
    ]
    return {kind.__name__: kind for kind in kinds}


def _rule(name: str) -> type[Rule]:
    """Find the class of a rule."""
    try:
        # What comes back is concrete, which mypy can't tell.
        return class_at(name, Rule) if "." in name else _rules()[name]  # type: ignore[type-abstract]
    except (ImportError, KeyError) as error:
        reason = f" ({error})" if "." in name else ""
        raise OptionError(
            f"There is no rule {name!r}{reason}; expected {', '.join(_rules())}, or the dotted path of your own class."
        ) from error


def _number(name: str, value: Any) -> float:
    """Read the weight of a rule."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number > -math.inf:
        raise OptionError(
            f"The rule {name} can't weigh {value}; expected nats that a breach costs, such as 3, or inf to forbid it, "
            "or 0 to switch it off."
        )
    return number
