"""Building: a network for training, refused beforehand if a checkpoint couldn't rebuild it."""

from collections.abc import Callable

from bachlit.encoding import Encoding
from bachlit.errors import OptionError
from bachlit.music.keys import Keys
from bachlit.networks import Network, rebuilding_fault


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
