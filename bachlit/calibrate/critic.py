"""A small learned critic: convolutions over the grid, trained on the same pairs as the weights of figures."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from bachlit.calibrate.candidates import Piece, Rivals
from bachlit.calibrate.fitting import Floats
from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, VOICES

_CLASSES, _HIDDEN = 12, 24
_CHANNELS = len(VOICES) * (_CLASSES + 2) + FRAMES_PER_QUARTER + 1
_EPOCHS, _LEARNING_RATE, _DECAY = 12, 2e-3, 1e-2


class Critic(nn.Module):
    """Judge windows of about two bars, and average over the piece."""

    def __init__(self) -> None:
        super().__init__()
        self.windows = nn.Sequential(
            nn.Conv1d(_CHANNELS, _HIDDEN, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Conv1d(_HIDDEN, _HIDDEN, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Conv1d(_HIDDEN, _HIDDEN, 7, padding=3),
            nn.ReLU(),
        )
        self.odds = nn.Linear(_HIDDEN, 1, bias=False)

    def forward(self, grid: Tensor) -> Tensor:
        """Compute the merit () of a piece (C, T)."""
        merit: Tensor = self.odds(self.windows(grid.unsqueeze(0)).mean(2)).squeeze()
        return merit


def train_critic(rivals: Sequence[Rivals], seed: int) -> Callable[[Sequence[Piece]], Floats]:
    """Train a critic to put Bach above the candidates.

    Args:
        rivals: Each counts once in an epoch, with one of its candidates by turns.
        seed: Of weights, order and dropout.

    Returns:
        Gives the merit of pieces, (N,).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic()
        optimizer = torch.optim.AdamW(critic.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
        for epoch in range(_EPOCHS):
            for index in torch.randperm(len(rivals)).tolist():
                one = rivals[index]
                other = one.candidates[epoch % len(one.candidates)]
                loss = softplus(critic(_grid(other)) - critic(_grid(one.bach)))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    critic.eval()

    def merits(pieces: Sequence[Piece]) -> Floats:
        with torch.no_grad():
            return np.array([float(critic(_grid(piece))) for piece in pieces])

    return merits


def _grid(piece: Piece) -> Tensor:
    """Channels (C, T): per voice degree, onset and height; the place in the beat; phrase ends."""
    chorale = piece.chorale
    pitches = torch.from_numpy(chorale.pitches.astype(np.int64)).t()  # (4, T)
    sounding = pitches != REST
    degrees = nn.functional.one_hot((pitches - chorale.key.tonic) % _CLASSES, _CLASSES) * sounding.unsqueeze(2)
    height = torch.where(sounding, (pitches - 60) / _CLASSES, 0.0)
    place = np.concatenate([one.position + np.arange(one.length) for one in chorale.measures]) % FRAMES_PER_QUARTER
    return torch.cat(
        [
            degrees.permute(0, 2, 1).flatten(0, 1).float(),
            torch.from_numpy(chorale.onsets.T.astype(np.float32)),
            height,
            nn.functional.one_hot(torch.from_numpy(place.astype(np.int64)), FRAMES_PER_QUARTER).t().float(),
            torch.from_numpy(chorale.fermatas[None].astype(np.float32)),
        ]
    )
