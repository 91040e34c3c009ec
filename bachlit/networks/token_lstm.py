"""TokenLSTM: BachBot's network, one recurrent step per token."""

from typing import cast

import torch
from torch import Tensor, nn

from bachlit.encoding import Encoding
from bachlit.errors import OptionError
from bachlit.networks.base import Memory, Network
from bachlit.networks.dropping import Dropout, DroppedLSTM
from bachlit.networks.stepping import FoldedStepper
from bachlit.tokens import END


class TokenLSTM(Network):
    """Predict tokens by an embedding, layers of [LSTM, batch normalisation, dropout] and a linear layer.

    The network of Liang, *BachBot* (2016), chapter 5; the defaults are its published best.

    Args:
        encoding: Of the tokens; only their number V counts.
        layers: How many [LSTM, batch normalisation, dropout] stand above each other.
        hidden: H, units of each LSTM.
        embedding: Size of a token's vector.
        dropout: Share of each layer's outputs that is dropped in training.
        batch_norm: Whether layers are normalised over batch and time; padding doesn't count.

    Raises:
        OptionError: If a size is below 1 or the dropout isn't a share below 1.

    >>> from bachlit.encoding import SatbEncoding
    >>> network = TokenLSTM(SatbEncoding(), layers=1, hidden=8)
    >>> logits, memory = network(torch.ones(2, 5, dtype=torch.long), network.initial_memory(2))
    >>> logits.shape, [tuple(part.shape) for part in memory]
    (torch.Size([2, 5, 145]), [(2, 1, 8), (2, 1, 8)])
    """

    def __init__(
        self,
        encoding: Encoding,
        *,
        layers: int = 3,
        hidden: int = 256,
        embedding: int = 32,
        dropout: float = 0.3,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if min(layers, hidden, embedding) < 1 or not 0 <= dropout < 1:
            raise OptionError(
                f"A TokenLSTM of {layers} layers, {hidden} hidden units, embedding {embedding} and dropout {dropout} "
                "can't be built; expected sizes of at least 1 and a dropout from 0 to below 1."
            )
        self.config = {
            "layers": layers,
            "hidden": hidden,
            "embedding": embedding,
            "dropout": dropout,
            "batch_norm": batch_norm,
        }
        self.embedding = nn.Embedding(encoding.vocabulary_size, embedding)
        self.lstms = nn.ModuleList(DroppedLSTM(embedding if layer == 0 else hidden, hidden) for layer in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) if batch_norm else nn.Identity() for _ in range(layers))
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(hidden, encoding.vocabulary_size)

    def initial_memory(self, batch_size: int) -> Memory:
        """Make two tensors of zeros (B, layers, H): the LSTMs' outputs and their cells."""
        zeros = self.head.weight.new_zeros(batch_size, len(self.lstms), self.head.in_features)
        return zeros, zeros

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Predict the logits (B, N, V) of the tokens after each of (B, N); the prompt is ignored."""
        # Only training needs to know the padding: there it must stay out of the normalisation's statistics.
        real = (tokens != END).flatten().nonzero().squeeze(1) if self.training else None
        x = self.embedding(tokens)  # (B, N, embedding)
        outputs, cells = [], []
        for layer, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            state = tuple(part[:, layer].unsqueeze(0).contiguous() for part in memory)  # (1, B, H) each
            x, (output, cell) = lstm(x, state)
            outputs.append(output[0])
            cells.append(cell[0])
            x = self.dropout(_normalise(norm, x, real))  # (B, N, H)
        return self.head(x), (torch.stack(outputs, 1), torch.stack(cells, 1))

    @torch.no_grad()
    def stepper(self) -> FoldedStepper | None:
        """Fold the layers for stepping; only in evaluation, when normalisation is an affine map."""
        if self.training:
            return None
        layers, norms = cast(list[nn.LSTM], list(self.lstms)), [_affine(norm, self.head) for norm in self.norms]
        return FoldedStepper(self.embedding.weight, layers, norms, self.head)


def _affine(norm: nn.Module, head: nn.Linear) -> tuple[Tensor, Tensor]:
    """Compute the scale and shift (H,) of a batch normalisation in evaluation, or of none."""
    ones = head.weight.new_ones(head.in_features)
    if not isinstance(norm, nn.BatchNorm1d):
        return ones, torch.zeros_like(ones)
    shift = norm(torch.zeros_like(ones).unsqueeze(0))[0]
    return norm(ones.unsqueeze(0))[0] - shift, shift


def _normalise(norm: nn.Module, x: Tensor, real: Tensor | None) -> Tensor:
    """Normalise (B, N, H) over batch and time, over the rows `real` of the flattened tensor alone if given."""
    flat = x.flatten(0, 1)  # (B N, H)
    if real is None or len(real) == len(flat):
        return norm(flat).view_as(x)  # type: ignore[no-any-return]
    if len(real) < 2:  # one row has no variance: take the running statistics
        norm.eval()
        normalised: Tensor = norm(flat)
        norm.train()
        return normalised.view_as(x)
    return torch.zeros_like(flat).index_copy(0, real, norm(flat.index_select(0, real))).view_as(x)
