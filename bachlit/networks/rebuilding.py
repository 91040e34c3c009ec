"""Rebuilding: networks whose `config` rebuilds them, as checkpoints need."""

import json
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from bachlit.encoding import Encoding
from bachlit.errors import OptionError
from bachlit.music.keys import Keys
from bachlit.networks.base import Network


def build_network(network: Callable[[Encoding], Network], encoding: Encoding, keys: Keys) -> Network:
    """Make a network that checkpoints can rebuild and that is trained in the keys of its views.

    Args:
        network: Makes the network.
        encoding: Of its tokens.
        keys: In which it is trained.

    Raises:
        OptionError: If it is abstract, has views in other keys, or its `config` doesn't rebuild it.
    """
    try:
        built = network(encoding)
    except TypeError as error:
        if "abstract" not in str(error):
            raise
        raise OptionError(f"{error}; expected a whole network, such as FrameLSTM; name another class.") from error
    if keys != "all" and getattr(built, "config", {}).get("views", 1) > 1:
        raise OptionError(
            f"A network can't average {built.config['views']} keys if it is trained in {keys!r} alone; expected all "
            "keys; set --data.keys all, or --model.network.views 1."
        )
    fault = rebuilding_fault(built, encoding)
    if fault:
        raise OptionError(
            f"{type(built).__name__} can't be rebuilt from a checkpoint ({fault}); expected `config` to give all of "
            "the constructor's keyword arguments as plain data."
        )
    return built


def rebuilding_fault(network: Network, encoding: Encoding) -> str:
    """Explain why a network and its encoding can't be rebuilt from their `config`; empty if they can.

    Rebuilt, the network has weights of the same names and shapes. A second one is made and thrown away; the random
    numbers are put back.

    Args:
        network: To be rebuilt.
        encoding: That of its constructor.
    """
    # A part of Lightning: whoever only decodes doesn't wait for it.
    from pytorch_lightning.utilities.seed import isolate_rng  # noqa: PLC0415

    try:
        config, encoding_config = (json.loads(json.dumps(part.config)) for part in (network, encoding))
        cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        with isolate_rng(include_cuda=cuda):
            rebuilt = type(network)(type(encoding)(**encoding_config), **config)
    except Exception as error:  # its constructor may raise anything
        return " ".join(str(error).split()) or type(error).__name__
    made, remade = _shapes(network), _shapes(rebuilt)
    name = next((name for name in {**made, **remade} if made.get(name) != remade.get(name)), None)
    if name is None:
        return ""
    shown = [str(list(shape)) if shape is not None else "missing" for shape in (made.get(name), remade.get(name))]
    return f"{name} is {shown[0]}, and {shown[1]} with its config {config}"


def _shapes(network: Network) -> dict[str, tuple[int, ...] | None]:
    """The shapes of a network's weights by name; () of one that isn't known before the first batch."""
    weights: dict[str, Tensor] = network.state_dict()
    return {name: () if is_lazy(part) else tuple(part.shape) for name, part in weights.items()}
