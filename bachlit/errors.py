"""The errors that bachlit raises for what its user can mend.

Each message says what happened, what was expected and what to do; the command line prints it as one sentence.
"""


class BachlitError(Exception):
    """Anything that the person at the keyboard can put right."""


class ScoreError(BachlitError):
    """A score that can't be read as a chorale or a melody."""


class ChoraleError(BachlitError, ValueError):
    """Arrays or metadata that don't make a chorale."""


class CorpusError(BachlitError):
    """A corpus that isn't there, or holds nothing usable."""


class EncodingError(BachlitError, ValueError):
    """Music or tokens outside what an encoding can express."""


class PromptError(BachlitError, ValueError):
    """A prompt that asks for what the model can't write."""


class CheckpointError(BachlitError):
    """A checkpoint that can't be used."""


class StoppedError(BachlitError):
    """A fit that was asked to end, and has written down where it was.

    Args:
        message: What it has to say.
        code: What its process ends with: 128 and the number of the signal by which it was asked, or 0 where another
            process has to end with that.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class DeadEndError(BachlitError):
    """Decoding came to a point at which the constraints leave nothing to choose.

    Args:
        message: What to tell.
        row: Of the batch.
        t: The step.
    """

    def __init__(self, message: str, row: int = 0, t: int = 0) -> None:
        super().__init__(message)
        self.row, self.t = row, t


class RuleWarning(UserWarning):
    """A rule had to give way, because what is given leaves no note that keeps it."""


class OptionError(BachlitError, ValueError):
    """An option outside its range, or a name that stands for nothing."""


class ComparisonError(BachlitError, ValueError):
    """Pieces that can't be compared, since they don't fit each other."""
