"""Ask a worker's functions without a service. Import it as `asking`."""

import json
from typing import Any

from bachlit.models.language_model import LanguageModel
from bachlit.serving.answers import Answer, answer
from bachlit.serving.asks import Ask, read_ask

JSON = "application/json"
TUNE = {
    "notes": [[67, 480], [67, 480], [69, 480], [71, 480], [72, 480], [71, 240], [69, 240], [67, 960]],
    "fifths": 1,
    "mode": "major",
    "decoder": "Greedy",
}


class Watched:
    """Counts as a worker does, roughly."""

    def __init__(self) -> None:
        self.expected = 0

    def model(self, model: LanguageModel) -> LanguageModel:
        return model

    def expect(self, num_tokens: int) -> None:
        self.expected = num_tokens


def asked(action: str, body: Any, *, accept: str = "", content_type: str = "", **query: str) -> Ask:
    """Read an ask; a body that is no bytes goes as JSON."""
    if not isinstance(body, bytes):
        body, content_type = json.dumps(body).encode(), content_type or JSON
    return read_ask(action, body=body, content_type=content_type, query=list(query.items()), accept=accept)


def answered(model: LanguageModel, action: str, body: Any, *, accept: str = "", **query: str) -> Any:
    """Answer an ask: plain data, or the bytes of a file."""
    made: Answer = answer(asked(action, body, accept=accept, **query), lambda _: model, Watched())
    return json.loads(made.content) if made.media_type == JSON else made.content
