"""Answers: a worker's replies to asks. Light to import: only the worker loads what writes music."""

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from bachlit.errors import BachlitError
from bachlit.serving.asks import FORMS, Ask, read_ask
from bachlit.serving.refusals import RefusedError
from bachlit.serving.values import plain

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

_MEDIA = {form: media for media, form in FORMS.items()}
_TINY = b'{"notes": [[67, 480], [69, 480], [67, 960]], "fifths": 0, "mode": "major", "decoder": "Greedy"}'


class Models(Protocol):
    """Models by name."""

    def __call__(self, name: str | None, /) -> "LanguageModel":
        """Load a model, the default one if None."""


class Answer(NamedTuple):
    """Body of an answer and its media type."""

    content: bytes
    media_type: str


class Watch(Protocol):
    """Counts the steps of a decoding, and may cancel it."""

    def model(self, model: "LanguageModel") -> "LanguageModel":
        """Return a model whose steps are counted."""

    def expect(self, num_tokens: int) -> None:
        """Set the number of steps to come."""


class _Unwatched:
    def model(self, model: "LanguageModel") -> "LanguageModel":
        return model

    def expect(self, num_tokens: int) -> None:
        pass


def answer(ask: Ask, models: Models, watch: Watch) -> Answer:
    """Answer an ask, in a worker.

    Args:
        ask: From `read_ask`.
        models: Gives the models.
        watch: Watches what takes time.

    Raises:
        RefusedError: If the music or an option can't be.
    """
    from bachlit.serving.harmonies import composed, harmonized
    from bachlit.serving.readings import checked, rendered

    makers = {"harmonize": harmonized, "compose": composed, "check": checked, "render": rendered}
    try:
        with _noted() as sentences:
            made = makers[ask.action](ask, models, watch)
    except RefusedError:
        raise
    except BachlitError as error:
        raise RefusedError("invalid", plain(str(error))) from error
    if isinstance(made, bytes):
        return Answer(made, _MEDIA[ask.form])
    content = {"bachlit": version("bachlit"), **made, "warnings": list(dict.fromkeys(map(plain, sentences)))}
    return Answer(json.dumps(_finite(content), ensure_ascii=False, allow_nan=False).encode(), "application/json")


def warm(models: Models) -> None:
    """Answer a tiny ask, so that a worker's first real answer is as quick as others.

    Args:
        models: Gives the models; the default one is loaded.
    """
    ask = read_ask("harmonize", body=_TINY, content_type="application/json", query=[], accept="")
    answer(ask, models, _Unwatched())


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Note bachlit's warnings."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield sentences
    sentences += [str(one.message) for one in caught if one.category.__module__.startswith("bachlit.")]


def _finite(value: Any) -> Any:
    """Replace numbers that JSON lacks by null.

    >>> _finite({"merit": -math.inf, "pieces": [1.5]})
    {'merit': None, 'pieces': [1.5]}
    """
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
