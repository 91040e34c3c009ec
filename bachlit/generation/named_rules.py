"""Rules of part-writing by name and weight, as typed."""

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bachlit import decoding
from bachlit.classes import class_at, class_named, path_of
from bachlit.decoding import LIVELY, PART_WRITING, ChordTones, Decoder, FiguredBass, Ranges, Rule, Rules
from bachlit.errors import OptionError
from bachlit.generation.choices import Style
from bachlit.generation.harmonizing import rules_for
from bachlit.generation.named_ranges import named_ranges
from bachlit.models.calibration import Calibration
from bachlit.music.chorale import Voice

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


def with_ranges(rules: Rules, ranges: Mapping[Voice, tuple[int, int]]) -> Rules:
    """Give a rule `Ranges` other ranges of some voices; without such a rule, forbid what is outside them.

    >>> [rule.tenor for rule in with_ranges(Rules(), {"tenor": (48, 67)})]
    [(48, 67)]
    """
    options: dict[str, Any] = {str(voice): compass for voice, compass in ranges.items()}
    if not any(isinstance(rule, Ranges) for rule in rules):
        return rules & Ranges(**options)
    return Rules(tuple(replace(rule, **options) if isinstance(rule, Ranges) else rule for rule in rules))


def rules_kept(
    typed: Mapping[str, Any] | str | None,
    ranges: str | None,
    decoder: Decoder,
    style: Style = "chorale",
    calibration: Calibration | None = None,
) -> Rules:
    """Weigh rules as `weighed_rules` does, and give the rule `Ranges` the ranges that are typed.

    Args:
        typed: Nats by rule.
        ranges: As `named_ranges` reads them; None for Bach's own.
        decoder: Decides which rules are usual.
        style: Likewise.
        calibration: Of the model.

    Raises:
        OptionError: If there is no such rule, weight or range.
    """
    weighed = weighed_rules(typed, decoder, style, calibration)
    return weighed if ranges is None else with_ranges(weighed, named_ranges(ranges))


def rules_help() -> str:
    """Tabulate the rules for `--help`: names, usual weights and meanings."""
    lines = [_HELP_ROW.format("", "search", "draw", "").rstrip()]
    for name, kind in built_in_rules().items():
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


def built_in_rules() -> dict[str, type[Rule]]:
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
        if "." in name:
            return class_at(name, Rule)  # type: ignore[type-abstract]
        return built_in_rules()[name] if name in built_in_rules() else _own(name)
    except ImportError as error:
        reason = f" ({error})" if "." in name else ""
        raise OptionError(
            f"There is no rule {name!r}{reason}; expected {', '.join(built_in_rules())}, or the dotted path of "
            "your own class."
        ) from error


def _own(name: str) -> type[Rule]:
    """Find the class of the user's own rule by its short name."""
    kind = class_named(name, Rule)  # type: ignore[type-abstract]  # the class is concrete
    if path_of(kind).startswith("bachlit."):  # one that is made of more than a weight
        raise ImportError("it has no weight alone")
    return kind


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
