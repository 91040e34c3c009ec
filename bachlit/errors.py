"""Errors that the user can fix.

A message says what happened, what was expected and what to do; the command line prints it without a traceback.
"""


class BachlitError(Exception):
    """Base class: anything the user can fix."""


class ScoreError(BachlitError):
    """Score that can't be read as a chorale or melody, or can't be written."""


class ChoraleError(BachlitError, ValueError):
    """Arrays or metadata that don't make a chorale."""


class CorpusError(BachlitError):
    """Corpus that is missing, or holds nothing usable."""


class EncodingError(BachlitError, ValueError):
    """Music or tokens that an encoding can't express."""


class PromptError(BachlitError, ValueError):
    """Prompt that the model can't follow."""


class CheckpointError(BachlitError):
    """Checkpoint that can't be used."""


class StoppedError(BachlitError):
    """Fit that was stopped by a signal, after saving a checkpoint.

    Args:
        message: The message.
        code: Exit code: 128 plus the signal's number, or 0 if another process exits with that.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class DeadEndError(BachlitError):
    """Decoding step at which the constraints allow no token.

    Args:
        message: The message.
        row: Row of the batch.
        t: Step.
    """

    def __init__(self, message: str, row: int = 0, t: int = 0) -> None:
        super().__init__(message)
        self.row, self.t = row, t


class RuleWarning(UserWarning):
    """Rule that gave way, because the given notes leave none that keeps it."""


class RangeWarning(UserWarning):
    """Given voices octaves away from where voices sing."""


class HearingWarning(UserWarning):
    """Tune that is heard with another beat than a quarter, or moved to where a choir sings."""


class OptionError(BachlitError, ValueError):
    """Option outside its range, or an unknown name."""


class ComparisonError(BachlitError, ValueError):
    """Pieces of different shapes, which can't be compared."""
