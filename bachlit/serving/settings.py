"""Settings of the service, as typed."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from bachlit.models.shipped import PRETRAINED

MOST_BYTES = 2 * 2**20
"""Of a request's body."""

MOST_FRAMES = 2048
"""Sixteenths of a score that is harmonised."""

MOST_SECONDS = 900
"""Of a sound: by its tempo a score within these limits may last an hour, and take gigabytes."""

MOST_PIECES = 5
"""Harmonisations per request."""


@dataclass(frozen=True)
class Settings:
    """Options of `bachlit serve`.

    Attributes:
        host: Address that is listened on.
        port: Port; 0 for a free one.
        checkpoint: The model that answers by default; the one that ships if None.
        workers: Processes that hold the models.
        queue: Most requests that are worked on or wait.
        timeout: Seconds after which a worker is ended.
        token: What clients must send; None for none.
        origins: Other sites whose pages may call.
        challenge: Whether the listening test is open.
        answers: Database of its answers.
        modules: The user's own, which the model needs.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    checkpoint: Path | None = None
    workers: int = 1
    queue: int = 8
    timeout: float = 120.0
    token: str | None = None
    origins: tuple[str, ...] = ()
    challenge: bool = False
    answers: Path | None = None
    modules: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether only this machine can call.

        >>> Settings().local, Settings("::1").local, Settings("0.0.0.0").local
        (True, True, False)
        """
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def model(self) -> str:
        """Name of the model that answers by default.

        >>> Settings().model, Settings(checkpoint=Path("runs/first")).model
        ('bachlit', 'first')
        """
        return (self.checkpoint or PRETRAINED).name
