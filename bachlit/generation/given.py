"""Given parts of a prompt: cells of a score, phrase ends, and harmony by chords and figures, typed or its own."""

from collections.abc import Sequence
from pathlib import Path

from bachlit.decoding import ChordTones, Rules
from bachlit.errors import OptionError
from bachlit.generation.figured_bass import figured_bass
from bachlit.generation.phrasing import phrased
from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.music.measures import whole_bars
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreBytes, given_chords, given_figures, phrase_marks, read_chorale, read_voices


def prompt_of(
    melody: str | Path | ScoreBytes | Chorale,
    *,
    voice: Voice | Sequence[Voice] | None = None,
    part: str | int | None = None,
    tune: str | int | None = None,
    bars: int | tuple[int, int] | None = None,
    rhythm: Voice | Sequence[Voice] = (),
    keep_parts: bool = False,
) -> Prompt:
    """Choose which cells of a score are given.

    Args:
        melody: A score in MusicXML, MXL, MIDI, ABC, kern or MEI, as a file or its contents; or a chorale.
        voice: The voice or voices that are given. If None, all that the score has; of four, the soprano.
        part: The part with the given voice, by its name, or its number from the top.
        tune: The tune of a book of tunes, by its number or title.
        bars: A bar, or the first and the last, of a four-part score: they are composed anew, all else is given, and in
            them only `voice`, if any. Bar 1 is the first full one, a pickup is bar 0.
        rhythm: The voice or voices of which only the rhythm is given.
        keep_parts: Write parts of the score that are no voice below the voices, too.

    Raises:
        OptionError: If a voice's name is none, or a part is named where four are wanted.
        ScoreError: If the melody can't be read.
        PromptError: If there are no such bars, or a voice has no rhythm to keep.
    """
    voices, timed = None if voice is None else _several(voice), _several(rhythm)
    tune = None if tune is None else str(tune)
    if isinstance(melody, Chorale):
        chorale = melody
    elif bars is not None:
        if part is not None:
            raise OptionError("Bars are composed anew in four parts; expected no single part; leave out part or bars.")
        chorale = read_chorale(melody, tune=tune, keep_parts=keep_parts)
    else:  # the voices that aren't asked for may be faulty
        named = None if part is None else str(part)
        chorale = read_voices(melody, voices, also=timed, part=named, tune=tune, keep_parts=keep_parts)
    if bars is not None:
        first, last = (bars, bars) if isinstance(bars, int) else bars
        prompt = Prompt.bars(chorale, first, last, *(voices or ()))
    elif voices is not None:
        prompt = Prompt.voices(chorale, *voices)
    else:
        sounding = [voice for voice in VOICES if chorale.only(voice).compass]
        lead = sounding if 0 < len(sounding) < len(VOICES) else VOICES[:1]
        prompt = Prompt.voices(chorale, *(voice for voice in lead if voice not in timed))
    return prompt.with_rhythm(*timed)


def with_phrases(prompt: Prompt, phrases: str = "auto") -> Prompt:
    """Choose the phrase ends that a model hears, with what the score says of them.

    Args:
        prompt: What is given.
        phrases: `auto` for the tune's fermatas, or found ones if it has none; `given` for its fermatas alone; `none`
            for none; or places, such as `4,8` for the last notes that begin in bars 4 and 8.

    Raises:
        OptionError: If no note is at the place of a phrase end.
    """
    return phrased(prompt, phrases, phrase_marks(prompt.chorale))


def given_harmony(prompt: Prompt, chords: str | None, figures: str | None) -> Rules:
    """Make rules of the chords and the figures that a harmonisation keeps to.

    Args:
        prompt: What is given; its chorale may have chord symbols and figures from its score.
        chords: As typed: chords between bar lines, or `given` for the score's own. Each lasts until the next; where
            they stop before the last two bars, the last one ends with its bar.
        figures: As typed: figures between bar lines, or `none` for none. If None, the score's own hold over a bass
            that is given.

    Raises:
        OptionError: If they can't be read, don't fit the piece, or the score has none.
    """
    rules = Rules()
    chorale = prompt.chorale
    bass = bool(prompt.given[:, -1].any())
    own = given_figures(chorale) if bass and figures is None else []
    if own or figures not in (None, "none"):
        rules &= figured_bass(chorale, figures or own)
    if chords is not None:
        rules &= _own_chords(chorale) if chords.strip().lower() == "given" else _typed_chords(chorale, chords)
    return rules


def _typed_chords(chorale: Chorale, chords: str) -> ChordTones:
    tones = ChordTones(chords=chords)
    tones.refuse_misfit([bar.length for bar in whole_bars(chorale.measures)])
    return tones


def _own_chords(chorale: Chorale) -> ChordTones:
    chords = [(frame, symbol if ChordTones.knows(symbol) else ".") for frame, symbol in given_chords(chorale)]
    if not chords:
        raise OptionError(
            f"{chorale.name or 'The score'} has no chord symbols; expected some for --chords given; type the chords "
            "instead."
        )
    last = next(index for index, measure in enumerate(chorale.measures) if chords[-1][0] < measure.end)
    if last + 2 < len(chorale.measures):  # the symbols stop; their last harmony doesn't last
        chords.append((chorale.measures[last].end, "."))
    return ChordTones(at=tuple(chords))


def _several(voice: Voice | Sequence[Voice]) -> tuple[Voice, ...]:
    return (voice,) if isinstance(voice, str) else tuple(voice)
