"""Find the voices among the parts of a score."""

from collections.abc import Sequence

from bachlit.errors import ScoreError
from bachlit.music.chorale import VOICES, Voice
from bachlit.scores.reading.closed import opened
from bachlit.scores.reading.contents import ScoreFile
from bachlit.scores.reading.opening import warn
from bachlit.scores.reading.score import Part
from bachlit.scores.reading.tune import choose_tune


def named_parts(path: ScoreFile, parts: Sequence[Part], voices: Sequence[Voice]) -> dict[Voice, Part]:
    """Find the parts of some voices. A single part is a single voice, whatever its name.

    Raises:
        ScoreError: If it is unclear which parts they are.
    """
    chosen = choose(parts, voices) or ({voices[0]: parts[0]} if len(voices) == len(parts) == 1 else None)
    if chosen is not None:
        return chosen
    names = [voice.capitalize() for voice in voices]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    one = "named so, only this one" if len(voices) == 1 else "named so, only these"
    raise ScoreError(
        f"{path} has {len(parts)} part{'s' * (len(parts) != 1)}, and it is unclear which "
        f"{'is' if len(voices) == 1 else 'are'} {listed}; expected parts {one}, or four in order"
        + ("; choose it with --part." if len(voices) == 1 else ".")
    )


def parts_of_voices(path: ScoreFile, parts: Sequence[Part], *, kept: bool = False) -> dict[Voice, Part]:
    """Find the parts of all voices that a score has; if unclear, take its tune as the soprano.

    A single part with figures is a bass.

    Args:
        path: The score, for messages.
        parts: Its parts.
        kept: Whether other parts are written below the voices.
    """
    fate = "kept below" if kept else "left out"
    chosen = choose(parts, VOICES)
    if chosen is not None:
        return chosen
    names = _names(parts)
    named = {voice: parts[names.index(voice)] for voice in VOICES if voice in names}
    others = [part for part, name in zip(parts, names, strict=True) if name not in named]
    if len(parts) == 1 and others:
        figured = any(measure.figures for measure in parts[0].measures)
        return {"bass" if figured else "soprano": parts[0]}
    if (others and "soprano" not in named) or any(names.count(voice) > 1 for voice in named):
        candidates = others or list(parts)
        tune = candidates[choose_tune(candidates)]
        left_out = [part for part in parts if part is not tune]
        warn(f"{path}: the tune is taken from {called([tune], parts)}; {fate}: {called(left_out, parts)}.")
        return {"soprano": tune}
    if others:
        warn(f"{path}: parts that are no voice are {fate}: {called(others, parts)}.")
    return named


def chosen_part(path: ScoreFile, parts: Sequence[Part], wanted: str) -> Part:
    """Find a part by its number, counted from the top, or by its name.

    Raises:
        ScoreError: If there is none, or several have the name.
    """
    if wanted.strip().isdecimal() and 0 < int(wanted) <= len(parts):
        return parts[int(wanted) - 1]
    name = wanted.strip().lower()
    for matches in (
        [part for part in opened(parts) or () if name == part.name.lower()],
        [part for part in parts if name in (part.name.lower(), part.instrument.lower())],
        [part for part in parts if name and name in f"{part.name} {part.instrument}".lower()],
    ):
        if len({part.place for part in matches}) == 1:  # of the staves of a piano the upper one
            return matches[0]
    raise ScoreError(
        f"{path} has no single part {wanted[:40]!r}; expected a number from 1 to {len(parts)} or one of these names: "
        f"{called(parts, parts)}; correct --part."
    )


def called(some: Sequence[Part], parts: Sequence[Part]) -> str:
    """Names of some of a score's parts for a message, on one line."""
    names = [_called(part, parts) for part in some]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _called(part: Part, parts: Sequence[Part]) -> str:
    """Name a part by its number, name, channel and staff, as far as it has them."""
    number = next(place for place, other in enumerate(parts, start=1) if other is part)
    name = part.name[:40] or part.instrument[:40]
    alike = sum((other.name or other.instrument) == (part.name or part.instrument) for other in parts) > 1
    details = [part.instrument[:40]] if part.name and part.instrument not in ("", part.name) and alike else []
    details += [f"channel {part.channel}"] if part.channel and alike else []
    details += [f"staff {part.staff}"] if part.staff else []
    return f"part {number}" + (f" ({', '.join(filter(None, [name, *details]))})" if name or details else "")


def choose(parts: Sequence[Part], voices: Sequence[Voice]) -> dict[Voice, Part] | None:
    """Find the parts of some voices by name, else by position among four; None if unclear.

    The two staves of a closed score are four voices.
    """
    parts = opened(parts) or parts
    names = _names(parts)
    # A name used twice (Soprano, Soprano) identifies nothing.
    places = {voice: names.index(voice) for voice in VOICES if names.count(voice) == 1}
    if all(voice in places for voice in voices):
        return {voice: parts[places[voice]] for voice in voices}
    if len(parts) == len(VOICES) and all(VOICES.index(voice) == place for voice, place in places.items()):
        return {voice: parts[VOICES.index(voice)] for voice in voices}
    return None


def _names(parts: Sequence[Part]) -> list[str]:
    return [part.name.strip().lower() for part in parts]
