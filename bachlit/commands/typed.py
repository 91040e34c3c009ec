"""Take apart what was typed for one of Lightning's commands, before a parser sees it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bachlit.classes import typed_paths
from bachlit.commands.configurations import documents, part_configs
from bachlit.commands.options import plain_words, refuse_unknown_decoder
from bachlit.errors import CheckpointError
from bachlit.models.runs import LIGHTNINGS_WORDS, ROOT, located
from bachlit.models.shipped import PRETRAINED

# Options of the data that say nothing of a run.
_OF_NO_RUN = ("--data.prompts", "--data.voice", "--data.quantize", "--data.corpus.cache")


@dataclass(frozen=True)
class Words:
    """Hold what was typed, taken apart.

    Attributes:
        command: fit, validate, test or predict.
        configs: Options --config=FILE.
        documents: What these files say.
        others: All other words.
        checkpoint: The value of --ckpt_path, a run's name resolved; None if there is none.
    """

    command: str
    configs: list[str]
    documents: list[Mapping[str, Any]]
    others: list[str]
    checkpoint: str | None

    @classmethod
    def of(cls, command: str, args: Sequence[str], csv: Mapping[str, Any]) -> "Words":
        """Take a command's arguments apart.

        Args:
            command: fit, validate, test or predict.
            args: What was typed after it.
            csv: The logger whose options stay where another logger is typed: a logger that is typed takes its folder
                from one logger, not from a list.

        Raises:
            BachlitError: If a configuration or the checkpoint's name can't be used.
        """
        args = plain_words(args)
        refuse_unknown_decoder(args)
        configs, others = part_configs(args)
        if any(word.partition("=")[0] == "--trainer.logger" for word in others):
            others = [f"--trainer.logger={json.dumps(csv)}", *others]
        checkpoint = value_of(others, "--ckpt_path")
        if checkpoint == "":
            raise CheckpointError(
                "--ckpt_path names no file; expected one that `bachlit fit` wrote; add it, or leave it out."
            )
        if checkpoint in LIGHTNINGS_WORDS and command != "fit":
            raise CheckpointError(
                f"The checkpoint {checkpoint} can't be used so; name one file, once, on the command line: "
                "--ckpt_path FILE."
            )
        words = cls(command, configs, [options for _, options in documents(configs)], others, checkpoint)
        if checkpoint is None or checkpoint in LIGHTNINGS_WORDS:
            return words
        root = Path(value_of(others, "--trainer.logger.save_dir") or ROOT)
        found = located(checkpoint, root=root, going_on=command == "fit")
        return words._naming(str(found) if found.exists() else checkpoint)

    def _naming(self, checkpoint: str | None) -> "Words":
        """The same with another checkpoint, or none."""
        others = list(self.others)
        at = next(index for index, word in enumerate(others) if word.partition("=")[0] == "--ckpt_path")
        others[at : at + (1 if "=" in others[at] else 2)] = [] if checkpoint is None else [f"--ckpt_path={checkpoint}"]
        return replace(self, others=others, checkpoint=checkpoint)

    def without_checkpoint(self) -> "Words":
        """Leave --ckpt_path to us: a model's folder holds weights alone, which Lightning can't read."""
        return self if self.checkpoint is None else self._naming(None)

    @property
    def files(self) -> list[Path]:
        """The configurations."""
        return [Path(word.removeprefix("--config=")) for word in self.configs]

    @property
    def recalled_from(self) -> Path | None:
        """The checkpoint, or the folder of a model, whose options hold where nothing else was typed."""
        if self.checkpoint is None:
            return None if self.command == "fit" else PRETRAINED
        return None if self.checkpoint in LIGHTNINGS_WORDS else Path(self.checkpoint)

    @property
    def paths(self) -> set[str]:
        """The dotted paths that may name classes."""
        return typed_paths(self.others, self.documents)

    @property
    def told(self) -> set[str]:
        """The options that have a value on the command line."""
        names = (word.partition("=")[0].removeprefix("--") for word in self.others if word.startswith("--"))
        return {name.replace(".init_args", "").rstrip("+") for name in names}

    @property
    def describe_a_run(self) -> bool:
        """Tell whether anything was typed of the model and the data of a run."""
        return bool(self.configs) or any(
            word.startswith(("--model", "--data")) and not word.startswith(_OF_NO_RUN) for word in self.others
        )


def value_of(words: Sequence[str], option: str) -> str | None:
    """Give what is typed for an option, if it is.

    >>> value_of(["--run", "wide", "--data.lanes=2"], "--run"), value_of(["--run=a"], "--run"), value_of([], "--run")
    ('wide', 'a', None)
    """
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == option and (equals or at + 1 < len(words)):
            return value if equals else words[at + 1]
    return None
