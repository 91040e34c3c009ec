"""FrameStepper: a `FrameLSTM` with its weights as they are now, made ready to go one token at a time."""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu

from bachlit.chorale import VOICES
from bachlit.networks.base import Memory, Stepper
from bachlit.networks.echoes import echo_gain
from bachlit.networks.frames import IMPOSSIBLE
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
        self.hidden = network.hidden
        lstms = cast(list[nn.LSTM], list(network.lstms))
        mark, *voices = cast(list[nn.Linear], list(network.hears))
        self.head = mark.out_features
        self.num_layers = len(lstms)
        inputs, outputs, bias = gates_of(lstms[0])
        first, last = self.hidden, self.hidden + network.projection.out_features
        readers = [inputs, *(hear.weight[:, first:last] for hear in (*voices, mark))]
        reader = torch.cat(readers)  # (out, P)
        self.table, self.offsets = self._table(reader @ network.projection.weight)
        self.always = reader @ network.projection.bias
        # What the mark's head hears of a frame's place before the mark is known, by expected position.
        mark_row, position_rows = self.offsets[-2] + END, slice(int(self.offsets[-1]), None)
        self.unmarked = self.table[mark_row, -self.head :] + self.table[position_rows, -self.head :]
        self.outputs = [Product(outputs, bias)]
        for lstm in lstms[1:]:
            inputs, outputs, bias = gates_of(lstm)
            self.outputs.append(Product(torch.cat([inputs, outputs], 1), bias))
        self.hear_mark = Product(mark.weight[:, :first], mark.bias)
        self.hear = Product(
            torch.cat([hear.weight[:, :first] for hear in voices]), torch.cat([hear.bias for hear in voices])
        )
        self.says = [self._say(network, slot) for slot in range(self.reader.size)]
        self.trust = network.trust
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
        columns = torch.split(reader, [table.embedding_dim for table in tables], 1)
        rows = [table.weight @ column.t() for table, column in zip(tables, columns, strict=True)]
        offsets = [0, *accumulate(len(table) for table in rows[:-1])]
        return torch.cat(rows), torch.tensor(offsets, device=reader.device)

    @staticmethod
    def _say(network: "FrameLSTM", slot: int) -> Product:
        """A head's last map, to all tokens and to what it says of echoes.

        What can't stand in the slot has a bias that keeps it out.
        """
        say, size = cast(nn.Linear, network.says[slot]), network.vocabulary_size
        echoes = torch.arange(size, size + network.reader.echoes.num, device=say.bias.device)
        rows = torch.cat([network.get_buffer(f"tokens_{slot}"), echoes])
        weight = say.weight.new_zeros(size + len(echoes), say.in_features).index_copy(0, rows, say.weight)
        bias = say.bias.new_full((size + len(echoes),), IMPOSSIBLE).index_copy(0, rows, say.bias)
        return Product(weight, bias)

    def begin(self, batch_size: int) -> Memory:
        """See `Stepper.begin`: each layer's outputs, then each layer's cells, (B, H) each; their sum; all of frames."""
        zeros = self.table.new_zeros(batch_size, self.hidden)
        last, *past = self.reader.begin(batch_size)
        return (*[zeros] * (2 * self.num_layers + 1), last, last[:, :0], *past)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """See `Stepper.step`.

        The memory holds the LSTMs' state, what is known of the last or the open frame, the open one's tokens (B, p),
        the echoes' state, and while a frame is open what its heads have heard.
        """
        state, (top, frame, opened, *carried) = memory[: 2 * self.num_layers], memory[2 * self.num_layers :]
        past = tuple(carried[:4])
        slot = opened.shape[1]
        opened = torch.cat([opened, tokens.unsqueeze(1)], 1)
        if slot == 0:
            frame, heard, said, past = self._before_mark(tokens, (frame, *past), top)
        else:
            heard = carried[4]
            if slot == 1:
                frame, total = self._at_mark(tokens, frame, heard)
                state, top = self._read(total[:, : 4 * self.hidden], state)
                heard = total[:, 4 * self.hidden : -self.head] + self.hear(top)
            else:
                heard = heard[:, self.head :] + self.chosen[slot - 2][tokens]
            said = heard[:, : self.head]
        logits = self._echo(self.says[slot](gelu(said)), slot, frame)
        if slot < self.reader.size - 1:
            return logits, (*state, top, frame, opened, *past, heard)
        last = torch.cat([frame[:, :2], opened[:, 2:], frame[:, 2:6]], 1)  # as `FrameReader` has it
        return logits, (*state, top, last, opened[:, :0], *past)

    def _echo(self, said: Tensor, slot: int, frame: Tensor) -> Tensor:
        """(B, V) logits, from what a head says: the tokens of echoes are the likelier for their lengths."""
        num = self.reader.echoes.num
        logits = said[:, :-num]
        if slot == 0:
            return logits
        echo, echoed = frame[:, 5 + slot : -num : len(VOICES)], frame[:, -num:]  # (B, E) each
        return logits.scatter_add(1, echo, echo_gain(said[:, -num:], self.trust[slot - 1], echoed))

    def _before_mark(self, token: Tensor, state: Memory, top: Tensor) -> tuple[Tensor, Tensor, Tensor, Memory]:
        """What is known of a frame (B, 6 + 5 E), what it adds everywhere, what the mark's head hears, the echoes."""
        frame, past = self.reader.enter(token, state)
        rows = self.features.known_rows(frame) + self.offsets[:-2]
        known = embedding_bag(rows, self.table, mode="sum") + self.always
        place = self.unmarked[frame.expected] + self.hear_mark(top)
        single = (frame.start.unsqueeze(1), frame.expected.unsqueeze(1))
        carried = torch.cat([*single, frame.run, frame.echo.flatten(1), frame.echoed], 1)
        return carried, known, known[:, -self.head :] + place, past

    def _at_mark(self, mark: Tensor, frame: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The frame in its position, and what it adds everywhere."""
        position = self.reader.place(mark, frame[:, 1])
        total = known + self.table[self.offsets[-2] + mark] + self.table[self.offsets[-1] + position]
        return torch.cat([frame[:, :1], position.unsqueeze(1), frame[:, 2:]], 1), total

    def _read(self, features: Tensor, state: Memory) -> tuple[Memory, Tensor]:
        """The LSTMs' state after a step, from what features add to the first's gates, and the sum of their outputs."""
        outputs, cells = list(state[: self.num_layers]), list(state[self.num_layers :])
        gates = features + self.outputs[0](outputs[0])
        outputs[0], cells[0] = lstm_cell(gates, cells[0])
        top = outputs[0]
        for layer in range(1, self.num_layers):
            gates = self.outputs[layer](torch.cat([top, outputs[layer]], 1))
            outputs[layer], cells[layer] = lstm_cell(gates, cells[layer])
            top = top + outputs[layer]
        return (*outputs, *cells), top
