"""Options of a harmonisation, whichever tune it is of, in the words of `bachlit harmonize`."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bachlit.decoding import Decoder, Rules
from bachlit.generation.choices import Style
from bachlit.generation.given import given_harmony, prompt_of, with_phrases
from bachlit.generation.height import moved_to_sing
from bachlit.generation.metre import Beat, told_beat
from bachlit.generation.requests import Request, refuse_request
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, Voice
from bachlit.music.keys import key_named
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreBytes


@dataclass(frozen=True)
class HarmonyOptions:
    """Options of a harmonisation, in the words of `bachlit harmonize`.

    The rules are weighed, and `ranges` among them.
    """

    voices: Sequence[Voice] | None
    part: str | None
    bars: tuple[int, int] | None
    rhythm: Sequence[Voice]
    phrases: str
    chords: str | None
    figured_bass: str | None
    transpose: int | Literal["auto"]
    key: str | None
    beat: Beat
    num: int
    decoder: Decoder | None
    style: Style
    rules: Rules
    ranges: str | None
    strict: bool
    seed: int
    keep_parts: bool

    def given(self, score: str | Path | ScoreBytes | Chorale, tune: str | None = None) -> Prompt:
        """Choose which cells of a score are given."""
        return prompt_of(
            score,
            voice=self.voices,
            part=self.part,
            tune=tune,
            bars=self.bars,
            rhythm=self.rhythm,
            keep_parts=self.keep_parts,
        )

    def heard(self, prompt: Prompt) -> Prompt:
        """Choose the key, the phrase ends and the height at which a prompt is heard."""
        if self.key is not None:
            chorale = dataclasses.replace(prompt.chorale, key=key_named(self.key), keys=())
            prompt = dataclasses.replace(prompt, chorale=chorale)
        prompt = with_phrases(prompt, self.phrases)
        move = moved_to_sing(prompt) if self.transpose == "auto" else self.transpose
        return dataclasses.replace(prompt, chorale=prompt.chorale.transpose(move))

    def request(self, model: LanguageModel, prompt: Prompt) -> Request:
        """Prepare what a model is asked for a prompt that is heard."""
        refuse_request(prompt, self.num)
        return Request(
            model,
            prompt,
            self.num,
            decoder=self.decoder,
            rules=given_harmony(prompt, self.chords, self.figured_bass) & self.rules,
            strict=self.strict,
            beat=told_beat(prompt, self.beat),
            seed=self.seed,
        )
