"""FrameLSTM: one recurrent step per frame, and a small head for each of its tokens."""

from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu

from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import OptionError
from bachlit.music.chorale import VOICES
from bachlit.networks.base import Memory, Network, Stepper
from bachlit.networks.dropping import Dropout, DroppedLSTM
from bachlit.networks.echoes import EchoState, echo_gain
from bachlit.networks.frame_stepping import FrameStepper
from bachlit.networks.frames import IMPOSSIBLE, LONGEST, Features, FrameReader, Frames, LastFrame, pack, unpack
from bachlit.networks.views import Views


class _FrameMemory(NamedTuple):
    """A `FrameLSTM`'s memory, in the order in which checkpoints keep it.

    Attributes:
        outputs: (B, layers, H) of the LSTMs.
        cells: (B, layers, H) likewise.
        top: (B, H) the sum of their outputs.
        last: (B, 9) the last whole frame, a packed `LastFrame`.
        past: As in `EchoState`.
        compared: Likewise.
        lengths: Likewise.
        num_read: Likewise.
        opened: (B, p) the inputs of a frame whose end isn't known yet.
    """

    outputs: Tensor
    cells: Tensor
    top: Tensor
    last: Tensor
    past: Tensor
    compared: Tensor
    lengths: Tensor
    num_read: Tensor
    opened: Tensor


class FrameLSTM(Network):
    """Predict tokens by LSTMs that read a chorale frame by frame.

    Features of a frame are the voices of the frame before, how long each has lasted, and the position in the bar.
    Layers of LSTMs, each added to the one below, take one step per frame, a fifth of those per token. A small network
    per voice then predicts the frame's voices one after another from the LSTMs' output, the frame's features and the
    voices already chosen. What followed when the piece last went as it goes now (`Echoes`) is a feature, and its tokens
    gain a logit that grows with the length of the echo. Tokens, windows and prompts are those of any network.

    Dropout masks are the same at all steps of a window (Gal and Ghahramani, *A theoretically grounded application of
    dropout in recurrent neural networks*, 2016); recurrent weights may be dropped, too (Merity et al., *Regularizing
    and optimizing LSTM language models*, 2018).

    Args:
        encoding: Of the tokens; it must have frames.
        layers: LSTMs above each other.
        hidden: H, units of each.
        embedding: Size of a token's vector.
        projection: Size of a frame's features after a linear map.
        head: Units of each of a head's layers.
        head_layers: Of each head, those after the first added to it.
        dropout: Share of an LSTM's outputs that is dropped in training.
        head_dropout: Share of a head's units.
        feature_dropout: Share of a frame's features, each dropped whole and in each frame anew, so that the network
            learns to do without any of them (as blank noise in Xie et al., *Data noising as smoothing in neural
            network language models*, 2017).
        input_dropout: Share of the numbers of all features.
        weight_dropout: Share of the recurrent weights.
        views: Neighbouring keys over which it averages its predictions at evaluation; more than 1 needs training in all
            keys.

    Raises:
        OptionError: If the encoding has no frames, a size is below 1, the views are more than 24, or a dropout isn't a
            share below 1.

    >>> network = FrameLSTM(SatbEncoding(), layers=1, hidden=8)
    >>> logits, memory = network(torch.ones(2, 5, dtype=torch.long), network.initial_memory(2))
    >>> logits.shape, memory[0].shape
    (torch.Size([2, 5, 145]), torch.Size([2, 1, 8]))
    """

    def __init__(
        self,
        encoding: Encoding,
        *,
        layers: int = 2,
        hidden: int = 384,
        embedding: int = 64,
        projection: int = 256,
        head: int = 256,
        head_layers: int = 2,
        dropout: float = 0.5,
        head_dropout: float = 0.3,
        feature_dropout: float = 0.15,
        input_dropout: float = 0.1,
        weight_dropout: float = 0.0,
        views: int = 1,
    ) -> None:
        super().__init__()
        if not isinstance(encoding, SatbEncoding):
            raise OptionError(
                f"A FrameLSTM can't read {type(encoding).__name__}, which has no frames of a fixed size; expected "
                "SatbEncoding; use that, or TokenLSTM."
            )
        sizes = {
            "layers": layers,
            "hidden": hidden,
            "embedding": embedding,
            "projection": projection,
            "head": head,
            "head_layers": head_layers,
            "views": views,
        }
        shares = {
            "dropout": dropout,
            "head_dropout": head_dropout,
            "feature_dropout": feature_dropout,
            "input_dropout": input_dropout,
            "weight_dropout": weight_dropout,
        }
        if min(sizes.values()) < 1 or views > 24 or not all(0 <= share < 1 for share in shares.values()):
            raise OptionError(
                f"A FrameLSTM of {sizes} and {shares} can't be built; expected sizes of at least 1, at most 24 views, "
                "and shares from 0 to below 1."
            )
        self.config: dict[str, Any] = {**sizes, **shares}
        self.hidden = hidden
        self.views = Views(encoding, views)
        self.reader = FrameReader(encoding)
        self.features = Features(encoding, self.reader, embedding, feature_dropout)
        self.input_dropout = Dropout(input_dropout, steady=True)
        self.projection = nn.Linear(self.features.size, projection)
        self.lstms = nn.ModuleList(
            DroppedLSTM(projection if layer == 0 else hidden, hidden, weight_dropout) for layer in range(layers)
        )
        self.dropout = Dropout(dropout, steady=True)
        self.head_dropout = Dropout(head_dropout)
        self.hears = nn.ModuleList(
            nn.Linear(hidden + projection + embedding * max(0, slot - 1), head) for slot in range(encoding.frame_size)
        )
        self.thinks = nn.ModuleList(
            nn.ModuleList(nn.Linear(head, head) for _ in range(head_layers - 1)) for _ in range(encoding.frame_size)
        )
        allowed = torch.from_numpy(encoding.slot_tokens)
        # A head's last outputs are how much likelier echoes are; a number for their length is added.
        num = self.reader.echoes.num
        self.says = nn.ModuleList(
            nn.Linear(head, int(tokens.sum()) + (num if slot else 0)) for slot, tokens in enumerate(allowed)
        )
        self.trust = nn.Parameter(torch.zeros(len(VOICES), num, LONGEST + 1))
        for slot, tokens in enumerate(allowed):
            self.register_buffer(f"tokens_{slot}", tokens.nonzero().squeeze(1), persistent=False)
        self.first_tokens = [_first_of_run(tokens) for tokens in encoding.slot_tokens]
        self.vocabulary_size = encoding.vocabulary_size

    def initial_memory(self, batch_size: int) -> Memory:
        """Make the memory at a piece's start; in evaluation, of each view: a memory of training doesn't serve there."""
        num = 1 if self.training else self.views.num
        zeros = self.trust.new_zeros(batch_size * num, len(self.lstms), self.hidden)
        last, echoes = self.reader.begin(batch_size * num)
        memory = _FrameMemory(zeros, zeros, zeros[:, 0], pack(last), *echoes, opened=last.chosen[:, :0])
        return memory if num == 1 else self.views.fold(memory)

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Predict the logits (B, N, V) of the tokens after each of (B, N); the prompt is ignored."""
        if self.training or self.views.num == 1:
            return self._predict(tokens, _FrameMemory(*memory))
        logits, memory = self._predict(self.views.spread(tokens), _FrameMemory(*self.views.unfold(memory)))
        return self.views.mean(logits), self.views.fold(memory)

    def _predict(self, tokens: Tensor, memory: _FrameMemory) -> tuple[Tensor, _FrameMemory]:
        """Predict in one key."""
        known, size = memory.opened.shape[1], self.reader.size
        stream = torch.cat([memory.opened, tokens], 1)
        whole = stream.shape[1] - stream.shape[1] % size
        pieces = []
        if whole:
            logits, memory = self._read(stream[:, :whole], memory)
            pieces.append(logits)
        opened = stream[:, whole:]
        if opened.shape[1]:  # a frame whose end isn't known yet is read again with what comes
            padded = nn.functional.pad(opened, (0, size - opened.shape[1]))
            logits, _ = self._read(padded, memory)
            pieces.append(logits[:, : opened.shape[1]])
        return torch.cat(pieces, 1)[:, known:], memory._replace(opened=opened)

    @torch.no_grad()
    def stepper(self) -> Stepper | None:
        """Prepare the weights for stepping; only in evaluation, without dropout."""
        if self.training:
            return None
        return FrameStepper(self)

    def _read(self, tokens: Tensor, memory: _FrameMemory) -> tuple[Tensor, _FrameMemory]:
        """Predict logits (B, N, V) of whole frames, and give the memory after them."""
        echoes = EchoState(memory.past, memory.compared, memory.lengths, memory.num_read)
        groups = tokens.view(len(tokens), -1, self.reader.size)
        frames, last, echoes = self.reader.read(groups, unpack(memory.last, LastFrame), echoes)
        raw = self.features(frames, groups[:, :, 1])
        features = self.projection(self.input_dropout(raw))  # (B, F, P)
        unmarked = self.projection(self.input_dropout(self.features.unmarked(raw, frames)))
        x = features
        new_outputs, new_cells = [], []
        for layer, lstm in enumerate(self.lstms):
            hidden = tuple(part[:, layer].unsqueeze(0).contiguous() for part in memory[:2])  # (1, B, H) each
            y, (output, cell) = lstm(x, hidden)
            new_outputs.append(output[0])
            new_cells.append(cell[0])
            y = self.dropout(y)
            x = y if layer == 0 else x + y
        # A frame's mark is predicted before the LSTMs have read it.
        before = torch.cat([memory.top.unsqueeze(1), x[:, :-1]], 1)
        slots = [self._logits(0, torch.cat([before, unmarked], 2), frames)]
        inputs = [x, features]
        for slot in range(1, self.reader.size):
            if slot > 1:
                inputs.append(self.features.token(groups[:, :, slot]))
            slots.append(self._logits(slot, torch.cat(inputs, 2), frames))
        after = (torch.stack(new_outputs, 1), torch.stack(new_cells, 1), x[:, -1], pack(last), *echoes)
        return torch.stack(slots, 2).flatten(1, 2), _FrameMemory(*after, opened=memory.opened)

    def _logits(self, slot: int, inputs: Tensor, frames: Frames) -> Tensor:
        """Predict the logits (B, F, V) of a slot, from its head's inputs (B, F, ...)."""
        thought = self.head_dropout(gelu(self.hears[slot](inputs)))
        for think in cast(nn.ModuleList, self.thinks[slot]):
            thought = thought + self.head_dropout(gelu(think(thought)))
        output = self.says[slot](thought)
        output = output.to(torch.promote_types(output.dtype, torch.float32))
        tokens = self.get_buffer(f"tokens_{slot}")
        logits = self._among_all(output[:, :, : len(tokens)], slot)
        if slot:
            gained = echo_gain(output[:, :, len(tokens) :], self.trust[slot - 1], frames.echoed)
            logits = logits.scatter_add(2, frames.echo[:, :, :, slot - 1], gained)
            if not self.training:  # there it is to learn as much, and overfits later for it
                logits = logits.masked_fill(self.reader.echoes.stranded(frames.before[:, :, slot - 1]), IMPOSSIBLE)
        return logits

    def _among_all(self, logits: Tensor, slot: int) -> Tensor:
        """Put the logits (B, F, S) of a slot's tokens among those of all (B, F, V)."""
        tokens, first = self.get_buffer(f"tokens_{slot}"), self.first_tokens[slot]
        if first is None:
            return logits.new_full((*logits.shape[:2], self.vocabulary_size), IMPOSSIBLE).index_copy(2, tokens, logits)
        behind = self.vocabulary_size - first - len(tokens)
        return nn.functional.pad(logits, (first, behind), value=IMPOSSIBLE)  # a third of the time


def _first_of_run(tokens: NDArray[np.bool_]) -> int | None:
    """Give the first of some tokens (V,) if they follow one another without a gap.

    >>> _first_of_run(np.array([False, True, True])), _first_of_run(np.array([True, False, True]))
    (1, None)
    """
    places = np.flatnonzero(tokens)
    return int(places[0]) if len(places) == places[-1] - places[0] + 1 else None
