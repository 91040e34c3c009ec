"""Networks that predict the next token of a chorale."""

from bachlit.networks.base import Memory, Network, Stepper
from bachlit.networks.frame_lstm import FrameLSTM
from bachlit.networks.rebuilding import build_network, rebuilding_fault
from bachlit.networks.stepping import NormalisedStepper, SequenceStepper
from bachlit.networks.token_lstm import TokenLSTM

__all__ = [
    "FrameLSTM",
    "Memory",
    "Network",
    "NormalisedStepper",
    "SequenceStepper",
    "Stepper",
    "TokenLSTM",
    "build_network",
    "rebuilding_fault",
]
