"""BachBotCorpus: the chorales that BachBot was trained on, to compare losses."""

from pathlib import Path

from bachlit.corpus.scores import BachCorpus

# Movements that music21's chorales by BWV number lack, or have in more than four parts.
_NOT_BACHBOTS = """
1.6 7.7 8.6 12.7 19.7 29.8 31.9 52.6 59.3 66.6 67.4 70.7 70.11 72.6 79.3 79.6 91.6 92.9 93.7 95.7 97.9 99.6 111.6 112.5
116.6 119.9 120.6 120.8 124.6 125.6 128.5 130.6 135.6 136.6 137.5 139.6 146.8 149.7 157.5 161.6 162.6 165.6 172.6 175.7
178.7 185.6 188.6 190.7 195.6 197.7 229.2 244.17 244.29 245.5 248.9 248.17 248.23 248.28 248.42 248.59 248.64 250 251
252
"""


class BachBotCorpus(BachCorpus):
    """BachBot's chorales, in its order: by number as text, so that 101.7 comes before 14.5.

    BachBot (Liang 2016) used the 353 entries of music21's `chorales.Iterator` by BWV number. 334 of them have four
    parts; they are 332 movements, since BWV 18.5 and 69.6 occur twice. With repeats played these have 83,064 frames and
    422,734 tokens of `BachBotEncoding`, START and END included (the thesis reports 423,463); without, 71,252 frames and
    362,624 tokens.

    Args:
        repeats: Play repeats as often as the score says, as BachBot did.
        quantize: Take notes finer than a sixteenth as they sound on sixteenths, instead of skipping the piece.
        cache: Folder of the cache; the user's cache directory if None.
        workers: Parsing processes; one per core if None.
    """

    def __init__(
        self, *, repeats: bool = True, quantize: bool = True, cache: Path | None = None, workers: int | None = None
    ) -> None:
        super().__init__(quantize=quantize, cache=cache, workers=workers)
        self.repeats = repeats

    def files(self) -> dict[str, Path]:
        """Score files by piece, in BachBot's order."""
        left_out = {f"bwv{number}" for number in _NOT_BACHBOTS.split()}
        return {name: path for name, path in sorted(super().files().items()) if name not in left_out}
