"""bachlit composes four-part chorales and harmonises melodies with neural language models.

Start with `harmonize`, `check` and `compose`; train by `ChoraleModel` and `ChoraleDataModule`. The parts to build with
are in `bachlit.networks`, `.decoding`, `.corpus`, `.encoding`, `.callbacks` and the other rooms. Everything is imported
when it is first named, so `import bachlit` takes no time.

>>> import bachlit
>>> bachlit.decoding.Greedy.__name__
'Greedy'
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bachlit import callbacks, corpus, decoding, encoding, evaluation, metrics, networks, rendering, scores, testing
    from bachlit.api import compose, harmonize, usual_rules
    from bachlit.checking import check
    from bachlit.models.language_model import LanguageModel
    from bachlit.music.chorale import Chorale
    from bachlit.music.prompt import Prompt
    from bachlit.training.data import ChoraleDataModule
    from bachlit.training.model import ChoraleModel

__all__ = [
    "Chorale", "ChoraleDataModule", "ChoraleModel", "LanguageModel", "Prompt", "callbacks", "check", "compose",
    "corpus", "decoding", "encoding", "evaluation", "harmonize", "metrics", "networks", "rendering", "scores",
    "testing", "usual_rules",
]  # fmt: skip

_HOMES = {
    "Chorale": "bachlit.music.chorale",
    "ChoraleDataModule": "bachlit.training.data",
    "ChoraleModel": "bachlit.training.model",
    "LanguageModel": "bachlit.models.language_model",
    "Prompt": "bachlit.music.prompt",
    "check": "bachlit.checking",
    "compose": "bachlit.api",
    "harmonize": "bachlit.api",
    "usual_rules": "bachlit.api",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: holding a chorale doesn't take PyTorch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"bachlit.{name}")
    raise AttributeError(f"module 'bachlit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not, as completion by Tab shows them."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


if "BACHLIT_SERVED" in os.environ:
    from bachlit.classes import serve_spawned

    serve_spawned()
