"""Networks that predict the next token of a chorale."""

from bachlit.networks.base import Memory, Network
from bachlit.networks.token_lstm import TokenLSTM

__all__ = ["Memory", "Network", "TokenLSTM"]
