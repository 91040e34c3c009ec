"""Network that hears the whole of a tune and gives each note's odds to end a phrase."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bachlit.phrases.features import NUM_FEATURES


class PhraseNetwork(nn.Module):
    """Bidirectional GRUs over the notes of a tune.

    Args:
        hidden: Units in each direction.
        layers: GRUs, one over another.
        dropout: Of features and between layers, in training.
    """

    def __init__(self, hidden: int = 32, layers: int = 2, dropout: float = 0.3) -> None:
        super().__init__()
        self.heard = nn.Sequential(nn.Dropout(dropout / 2), nn.Linear(NUM_FEATURES, hidden), nn.ReLU())
        self.memory = nn.GRU(hidden, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout)
        self.odds = nn.Sequential(nn.Dropout(dropout), nn.Linear(3 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Compute logits of phrase ends.

        Args:
            features: (B, N, F).
            lengths: (B,) notes of each tune.

        Returns:
            (B, N).
        """
        heard = self.heard(features)
        packed = pack_padded_sequence(heard, lengths.cpu(), batch_first=True, enforce_sorted=False)
        memory, _ = pad_packed_sequence(self.memory(packed)[0], batch_first=True, total_length=features.shape[1])
        logits: Tensor = self.odds(torch.cat([heard, memory], 2)).squeeze(2)
        return logits
