"""Describe harmonizers in words, from the plain data of `Harmonizer.described`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bachlit.music.chorale import VOICES

_Plain = Mapping[str, Any]


def what_it_does(described: _Plain) -> str:
    """Return the first line of a decoder's docstring, without asterisks; empty if it has none.

    >>> what_it_does({"does": "Sample, *conditioned* on the given notes."})
    'Sample, conditioned on the given notes.'
    """
    return str(described.get("does", "")).replace("*", "")


def decoder_in_words(described: _Plain) -> str:
    """Describe a decoder, with its options.

    >>> decoder_in_words({"decoder": {"class": "Sampling", "temperature": 0.9, "top_k": 0}, "candidates": 4})
    'Sampling (temperature 0.9, top_k 0), the best of 4 candidates'
    """
    candidates = described.get("candidates", 1)
    best = f", the best of {candidates} candidates" if candidates > 1 else ""
    return f"{_in_words(described['decoder'])}{best}"


def rules_in_words(described: _Plain) -> dict[str, str]:
    """List the rules by what they do: forbid, cost or reward, with nats; empty without rules.

    >>> spacing, motion = {"class": "Spacing", "widest": 12}, {"class": "Motion", "voices": [3]}
    >>> rules_in_words({"rules": [spacing | {"weight": "inf"}, motion | {"weight": -0.3}]})
    {'forbids breaches of': 'Spacing (widest 12)', 'rewards, in nats': 'Motion 0.3 (bass)'}
    """
    kinds: dict[str, list[str]] = {"forbids breaches of": [], "costs of a breach, in nats": [], "rewards, in nats": []}
    forbidding, costing, rewarding = kinds.values()
    for rule in described["rules"]:
        weight, options = rule["weight"], {name: value for name, value in rule.items() if name != "weight"}
        if weight == "inf":
            forbidding.append(_in_words(options))
        else:
            (costing if weight > 0 else rewarding).append(_in_words(options, f" {abs(weight):g}"))
    return {kind: ", ".join(rules) for kind, rules in kinds.items() if rules}


def _in_words(part: _Plain, weight: str = "") -> str:
    """Write a decoder or rule with its options."""
    options = ", ".join(_options(part))
    return f"{part['class']}{weight}{f' ({options})' if options else ''}"


def _options(part: _Plain) -> Iterator[str]:
    for name, value in part.items():
        if name == "class":
            continue
        if name == "voices" and value is not None:
            yield ", ".join(VOICES[voice] for voice in value)
        elif isinstance(value, Mapping) and "class" in value:
            yield f"{name} {_in_words(value)}"
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{name} {' to '.join(map(str, value))}"
        elif value is True or value is False:
            yield f"{name} {str(value).lower()}"
        else:
            yield f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
