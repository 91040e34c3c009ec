"""What a program calls: `harmonize` and `compose`. The command line calls them too."""

from pathlib import Path

from bachlit.chorale import Chorale, Voice
from bachlit.decoding import BeamSearch, Decoder, Sampling
from bachlit.language_model import LanguageModel
from bachlit.prompt import Prompt
from bachlit.scores import read_melody
from bachlit.writing import write, write_freely

PRETRAINED = Path(__file__).parent / "pretrained"
"""The folder of the model that ships with the package."""


def harmonize(
    melody: str | Path | Chorale,
    *,
    voice: Voice = "soprano",
    decoder: Decoder | None = None,
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
    quantize: bool = False,
) -> Chorale:
    """Put four voices under, over or around a melody.

    The melody comes back as it was: in its key, metre, rhythm and title.

    Args:
        melody: A score in MusicXML, MXL, MIDI, ABC or kern, or a chorale of which `voice` is taken.
        voice: Which voice the melody is.
        decoder: Chooses the notes; a beam of 8 if None.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a folder with a model, or a loaded model; the one that ships with
            the package if None.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        The four voices.

    Raises:
        ScoreError: If the melody can't be read.
        PromptError: If it is out of the voice's range.
        CheckpointError: If the checkpoint can't be used.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 67, 69, 71, 72, 72) for _ in range(4)])
    >>> chorale = harmonize(tune)
    >>> bool((chorale.pitches[:, 0] == tune.pitches[:, 0]).all() and (chorale.pitches > 0).all())
    True
    """
    chorale = melody if isinstance(melody, Chorale) else read_melody(melody, voice=voice, quantize=quantize)
    [written] = write(
        _model(checkpoint), [Prompt.voices(chorale, voice)], decoder=decoder or BeamSearch(), seeds=[seed]
    )
    return written.chorale


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
