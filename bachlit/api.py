"""What a program calls: `harmonize` and `compose`. The command line calls them too."""

from collections.abc import Sequence
from pathlib import Path

from bachlit.chorale import VOICES, Chorale, Voice
from bachlit.decoding import BeamSearch, Decoder, Sampling
from bachlit.errors import OptionError, PromptError
from bachlit.language_model import LanguageModel
from bachlit.prompt import Prompt
from bachlit.scores import read_chorale, read_voices
from bachlit.writing import write, write_freely

PRETRAINED = Path(__file__).parent / "pretrained"
"""The folder of the model that ships with the package."""


def harmonize(
    melody: str | Path | Chorale | Prompt,
    *,
    voice: Voice | Sequence[Voice] | None = None,
    bars: int | tuple[int, int] | None = None,
    rhythm: Voice | Sequence[Voice] = (),
    decoder: Decoder | None = None,
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
    quantize: bool = False,
) -> Chorale:
    """Put four voices under, over or around a melody, or around whatever else is given.

    What is given comes back as it was: in its key, metre, rhythm and title.

    Args:
        melody: A score in MusicXML, MXL, MIDI, ABC or kern, a chorale, or a prompt, which says itself what is given.
        voice: The voice or voices that are given. If None, all that the score has; of four, the soprano.
        bars: A bar, or the first and the last, of a four-part score: they are composed anew, all else is given, and in
            them only `voice`, if any. Bar 1 is the first full one, a pickup is bar 0.
        rhythm: The voice or voices of which only the rhythm is given.
        decoder: Chooses the notes; a beam of 8 if None.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a folder with a model, or a loaded model; the one that ships with
            the package if None.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        The four voices.

    Raises:
        OptionError: If a voice's name is none, or a prompt comes with `voice`, `bars` or `rhythm`.
        ScoreError: If the melody can't be read.
        PromptError: If a given voice is out of its range, there are no such bars, a voice has no rhythm to keep, or
            nothing is left to write.
        CheckpointError: If the checkpoint can't be used.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 67, 69, 71, 72, 72) for _ in range(4)])
    >>> chorale = harmonize(tune)
    >>> bool((chorale.pitches[:, 0] == tune.pitches[:, 0]).all() and (chorale.pitches > 0).all())
    True
    """
    voices, timed = None if voice is None else _several(voice), _several(rhythm)
    if not isinstance(melody, Prompt):
        prompt = _prompt(_read(melody, voices, timed, bars is not None, quantize), voices, bars, timed)
    elif voices is None and bars is None and not timed:
        prompt = melody
    else:
        raise OptionError("A prompt says itself what is given; expected it alone; leave out voice, bars and rhythm.")
    if prompt.given.all():
        raise PromptError(
            f"All of {prompt.chorale.name or 'the chorale'} is given; expected something to write; give fewer voices."
        )
    [written] = write(_model(checkpoint), [prompt], decoder=decoder or BeamSearch(), seeds=[seed])
    return written.chorale


def _several(voice: Voice | Sequence[Voice]) -> tuple[Voice, ...]:
    return (voice,) if isinstance(voice, str) else tuple(voice)


def _read(
    melody: str | Path | Chorale,
    voices: Sequence[Voice] | None,
    rhythm: Sequence[Voice],
    whole: bool,
    quantize: bool,
) -> Chorale:
    """As many voices of a score as a prompt takes: what isn't needed may be faulty."""
    if isinstance(melody, Chorale):
        return melody
    if whole:
        return read_chorale(melody, quantize=quantize)
    return read_voices(melody, voices, also=rhythm, quantize=quantize)


def _prompt(
    chorale: Chorale,
    voices: Sequence[Voice] | None,
    bars: int | tuple[int, int] | None,
    rhythm: Sequence[Voice],
) -> Prompt:
    """What `harmonize` makes of its arguments."""
    if bars is not None:
        first, last = (bars, bars) if isinstance(bars, int) else bars
        prompt = Prompt.bars(chorale, first, last, *(voices or ()))
    elif voices is not None:
        prompt = Prompt.voices(chorale, *voices)
    else:
        sounding = [voice for voice in VOICES if chorale.only(voice).compass]
        lead = sounding if 0 < len(sounding) < len(VOICES) else VOICES[:1]
        prompt = Prompt.voices(chorale, *(voice for voice in lead if voice not in rhythm))
    return prompt.with_rhythm(*rhythm)


def compose(
    num: int = 1,
    *,
    decoder: Decoder | None = None,
    min_bars: int = 8,
    max_bars: int = 40,
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
) -> list[Chorale]:
    """Compose chorales from nothing.

    Args:
        num: How many.
        decoder: Chooses the notes; sampling at temperature 0.9 if None.
        min_bars: No piece ends before so many bars of 4/4, or before `max_bars` if that is less.
        max_bars: A piece that hasn't ended after so many bars of 4/4 is ended there.
        seed: The first piece's; the next has the next, so that a larger `num` adds pieces and changes none.
        checkpoint: As for `harmonize`.

    Returns:
        The chorales.

    Raises:
        OptionError: If `num` or `max_bars` isn't at least 1.
        CheckpointError: If the checkpoint can't be used.
    """
    written = write_freely(
        _model(checkpoint),
        decoder=decoder or Sampling(temperature=0.9),
        seeds=range(seed, seed + num),
        min_frames=max(1, 16 * min(min_bars, max_bars)),
        max_frames=16 * max_bars,
    )
    return [piece.chorale for piece in written]


def _model(checkpoint: str | Path | LanguageModel | None) -> LanguageModel:
    return checkpoint if isinstance(checkpoint, LanguageModel) else LanguageModel.load(checkpoint or PRETRAINED)
