"""FrameStepper: a `FrameLSTM` with its weights as they are now, made ready to go one token at a time."""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu, pad

from bachlit.networks.base import Memory, Stepper
from bachlit.networks.frames import IMPOSSIBLE, Frames
from bachlit.networks.stepping import Product, gates_of, lstm_cell
from bachlit.tokens import END

if TYPE_CHECKING:
    from bachlit.networks.frame_lstm import FrameLSTM


class FrameStepper(Stepper):
    """Steps a `FrameLSTM`; four of a frame's five tokens cost it one small head each.

    Features are all looked up, so whatever they are multiplied with is multiplied beforehand: a frame's features are
    rows of one table, each what it adds to the first LSTM's gates and to every head, and their sum is all there is to
    do.

    Args:
        network: In evaluation.
    """

    def __init__(self, network: "FrameLSTM") -> None:
        self.reader, self.features = network.reader, network.features
        self.hidden, self.vocabulary_size = network.hidden, network.vocabulary_size
        self.slots = [network.get_buffer(f"tokens_{slot}") for slot in range(self.reader.size)]
        lstms = cast(list[nn.LSTM], list(network.lstms))
        mark, *voices = cast(list[nn.Linear], list(network.hears))
        self.head = mark.out_features
        self.num_layers = len(lstms)
        inputs, outputs, bias = gates_of(lstms[0])
        first, last = self.hidden, self.hidden + self.features.size
        readers = [inputs, *(hear.weight[:, first:last] for hear in (*voices, mark))]
        self.table, self.offsets = self._table(torch.cat(readers))
        self.outputs = [Product(outputs, bias)]
        for lstm in lstms[1:]:
            inputs, outputs, bias = gates_of(lstm)
            self.outputs.append(Product(torch.cat([inputs, outputs], 1), bias))
        self.hear_mark = Product(mark.weight[:, :first], mark.bias)
        self.hear = Product(
            torch.cat([hear.weight[:, :first] for hear in voices]), torch.cat([hear.bias for hear in voices])
        )
        self.says = [Product(say.weight, say.bias) for say in cast(list[nn.Linear], list(network.says))]
        # What a chosen voice's token adds to what the heads of the voices after it hear.
        token = self.features.token.weight
        bounds = [last + voice * token.shape[1] for voice in range(len(voices))]
        self.chosen = [
            torch.cat([token @ hear.weight[:, start:end].t() for hear in voices[voice + 1 :]], 1)
            for voice, (start, end) in enumerate(pairwise(bounds))
        ]

    def _table(self, reader: Tensor) -> tuple[Tensor, Tensor]:
        """Every row of every table of features times the weights (out, I) that read them; where each table begins."""
        tables = self.features.tables()
        columns = reader.split([table.embedding_dim for table in tables], 1)
        rows = [table.weight @ column.t() for table, column in zip(tables, columns, strict=True)]
        offsets = [0, *accumulate(len(table) for table in rows[:-1])]
        return torch.cat(rows), torch.tensor(offsets, device=reader.device)

    def begin(self, batch_size: int) -> Memory:
        """See `Stepper.begin`: outputs and cells of each layer (B, H) each, their sum, the last frame, the open one."""
        zeros = self.table.new_zeros(batch_size, self.hidden)
        last = self.reader.begin(batch_size)
        return (*[zeros] * (2 * self.num_layers + 1), last, last[:, :0])

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """See `Stepper.step`. While a frame is open, what its heads have heard so far is carried too."""
        state, (top, last, opened, *carried) = memory[: 2 * self.num_layers], memory[2 * self.num_layers :]
        slot = opened.shape[1]
        opened = torch.cat([opened, tokens.unsqueeze(1)], 1)
        if slot == 0:
            heard, said = self._before_mark(self._frame(opened, last), top)
        elif slot == 1:
            state, top, heard = self._at_mark(self._frame(opened, last), carried[0], state)
            said = heard[:, : self.head]
        else:
            heard = carried[0][:, self.head :] + self.chosen[slot - 2][tokens]
            said = heard[:, : self.head]
        logits = self.table.new_full((len(tokens), self.vocabulary_size), IMPOSSIBLE)
        logits[:, self.slots[slot]] = self.says[slot](gelu(said))
        if slot < self.reader.size - 1:
            return logits, (*state, top, last, opened, heard)
        _, last = self.reader.read(opened.unsqueeze(1), last)
        return logits, (*state, top, last, opened[:, :0])

    def _before_mark(self, frame: Frames, top: Tensor) -> tuple[Tensor, Tensor]:
        """What the frame before adds everywhere (B, out), and what the mark's head hears."""
        rows = torch.cat(self.features.rows(frame)[:-2], 1) + self.offsets[:-2]
        known = embedding_bag(rows, self.table, mode="sum")
        mark, position = self.offsets[-2:]
        place = self.table[mark + END, -self.head :] + self.table[position + frame.expected[:, 0], -self.head :]
        return known, self.hear_mark(top) + known[:, -self.head :] + place

    def _at_mark(
        self, frame: Frames, known: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """One step of the LSTMs: their state, the sum of their outputs, and what the voices' heads hear."""
        rows = torch.cat(self.features.rows(frame)[-2:], 1) + self.offsets[-2:]
        total = known + embedding_bag(rows, self.table, mode="sum")
        outputs, cells = list(state[: self.num_layers]), list(state[self.num_layers :])
        x = outputs[0]
        for layer, product in enumerate(self.outputs):
            if layer == 0:
                gates = total[:, : 4 * self.hidden] + product(outputs[0])
            else:
                gates = product(torch.cat([x, outputs[layer]], 1))
            outputs[layer], cells[layer] = lstm_cell(gates, cells[layer])
            x = outputs[0] if layer == 0 else x + outputs[layer]
        return (*outputs, *cells), x, total[:, 4 * self.hidden : -self.head] + self.hear(x)

    def _frame(self, opened: Tensor, last: Tensor) -> Frames:
        """The frame that is open (B, p), as far as it is known."""
        frames, _ = self.reader.read(pad(opened, (0, self.reader.size - opened.shape[1])).unsqueeze(1), last)
        return frames
