"""Networks that predict the next token of a chorale."""

from bachlit.networks.base import Memory, Network, Stepper
from bachlit.networks.stepping import SequenceStepper
from bachlit.networks.token_lstm import TokenLSTM

__all__ = ["Memory", "Network", "SequenceStepper", "Stepper", "TokenLSTM"]
