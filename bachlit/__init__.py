"""bachlit composes four-part chorales and harmonises melodies with neural language models."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bachlit.api import compose, harmonize, usual_rules
    from bachlit.models.language_model import LanguageModel
    from bachlit.music.chorale import Chorale
    from bachlit.music.prompt import Prompt

__all__ = ["Chorale", "LanguageModel", "Prompt", "compose", "harmonize", "usual_rules"]

_HOMES = {
    "Chorale": "bachlit.music.chorale",
    "LanguageModel": "bachlit.models.language_model",
    "Prompt": "bachlit.music.prompt",
    "compose": "bachlit.api",
    "harmonize": "bachlit.api",
    "usual_rules": "bachlit.api",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: holding a chorale doesn't take PyTorch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bachlit' has no attribute {name!r}")


if "BACHLIT_SERVED" in os.environ:
    from bachlit.classes import serve_spawned

    serve_spawned()
