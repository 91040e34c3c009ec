"""FrameStepper: a `FrameLSTM` with its weights as they are now, made ready to go one token at a time."""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu

from bachlit.music.chorale import VOICES
from bachlit.networks.base import Memory, Stepper
from bachlit.networks.echoes import echo_gain
from bachlit.networks.frames import IMPOSSIBLE
from bachlit.networks.stepping import Product, gates_of, lstm_cell
from bachlit.tokens import END

if TYPE_CHECKING:
    from bachlit.networks.frame_lstm import FrameLSTM


class FrameStepper(Stepper):
    """Steps a `FrameLSTM`; four of a frame's five tokens cost it one small head each.

    Features are all looked up and then projected, so their tables are projected beforehand, and a frame's features are
    a sum of rows.

    Args:
        network: In evaluation.
    """

    def __init__(self, network: "FrameLSTM") -> None:
        self.reader, self.features = network.reader, network.features
        self.hidden, self.trust = network.hidden, network.trust.detach().clone()
        mark, *voices = cast(list[nn.Linear], list(network.hears))
        self.head = mark.out_features
        self._project(network)
        self.layers = []
        for lstm in cast(list[nn.LSTM], list(network.lstms)):
            inputs, outputs, bias = gates_of(lstm)
            self.layers.append(Product(torch.cat([inputs, outputs], 1), bias))
        # What all heads hear; the voices' are multiplied at once.
        size = self.hidden + network.projection.out_features
        self.hear_mark = Product(mark.weight, mark.bias)
        self.hear = Product(
            torch.cat([hear.weight[:, :size] for hear in voices]), torch.cat([one.bias for one in voices])
        )
        # What a chosen voice's token adds to what the heads of the voices after it hear.
        token = self.features.token.weight
        bounds = [size + voice * token.shape[1] for voice in range(len(voices))]
        self.chosen = [
            torch.cat([token @ hear.weight[:, start:end].t() for hear in voices[voice + 1 :]], 1)
            for voice, (start, end) in enumerate(pairwise(bounds))
        ]
        self.thinks = [
            [Product(think.weight, think.bias) for think in cast(list[nn.Linear], list(cast(nn.ModuleList, thinks)))]
            for thinks in network.thinks
        ]
        self.says = [self._say(network, slot) for slot in range(self.reader.size)]

    def _project(self, network: "FrameLSTM") -> None:
        """Every row of every table of features, projected (R, P); where each table begins; the last two apart."""
        tables, projection = self.features.tables(), network.projection
        columns = torch.split(projection.weight, [table.embedding_dim for table in tables], 1)
        *known, self.mark, self.position = (
            table.weight @ column.t() for table, column in zip(tables, columns, strict=True)
        )
        self.table, self.always = torch.cat(known), projection.bias.detach().clone()
        offsets = [0, *accumulate(len(table) for table in known[:-1])]
        self.offsets = torch.tensor(offsets, device=self.always.device)
        # What is known of a frame's place before its mark, by expected position.
        self.unmarked = self.mark[END] + self.position

    @staticmethod
    def _say(network: "FrameLSTM", slot: int) -> Product:
        """A head's last map, to all tokens and to what it says of echoes.

        What can't stand in the slot has a bias that keeps it out.
        """
        say, size = cast(nn.Linear, network.says[slot]), network.vocabulary_size
        num = network.reader.echoes.num if slot else 0
        echoes = torch.arange(size, size + num, device=say.bias.device)
        rows = torch.cat([network.get_buffer(f"tokens_{slot}"), echoes])
        weight = say.weight.new_zeros(size + num, say.in_features).index_copy(0, rows, say.weight)
        bias = say.bias.new_full((size + num,), IMPOSSIBLE).index_copy(0, rows, say.bias)
        return Product(weight, bias)

    def begin(self, batch_size: int) -> Memory:
        """See `Stepper.begin`: each layer's outputs, then each layer's cells, (B, H) each; their sum; all of frames."""
        zeros = self.table.new_zeros(batch_size, self.hidden)
        last, *past = self.reader.begin(batch_size)
        return (*[zeros] * (2 * len(self.layers) + 1), last, last[:, :0], *past)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """See `Stepper.step`.

        The memory holds the LSTMs' state, what is known of the last or the open frame, the open one's tokens (B, p),
        the echoes' state, and while a frame is open what its heads have heard.
        """
        size = 2 * len(self.layers)
        state, (top, frame, opened, *carried) = memory[:size], memory[size:]
        past, slot = tuple(carried[:4]), opened.shape[1]
        opened = torch.cat([opened, tokens.unsqueeze(1)], 1)
        if slot == 0:
            frame, heard, past = self._enter(tokens, (frame, *past))
            said = self.hear_mark(torch.cat([top, heard + self.unmarked[frame[:, 1]]], 1))
        elif slot == 1:
            position = self.reader.place(tokens, frame[:, 1])
            frame = torch.cat([frame[:, :1], position.unsqueeze(1), frame[:, 2:]], 1)
            features = carried[4] + self.mark[tokens] + self.position[position]
            state, top = self._read(features, state)
            heard = self.hear(torch.cat([top, features], 1))
            said = heard[:, : self.head]
        else:
            heard = carried[4][:, self.head :] + self.chosen[slot - 2][tokens]
            said = heard[:, : self.head]
        thought = gelu(said)
        for think in self.thinks[slot]:
            thought = thought + gelu(think(thought))
        logits = self._echo(self.says[slot](thought), slot, frame)
        if slot < self.reader.size - 1:
            return logits, (*state, top, frame, opened, *past, heard)
        last = torch.cat([frame[:, :2], opened[:, 2:], frame[:, 2:6]], 1)  # as `FrameReader` has it
        return logits, (*state, top, last, opened[:, :0], *past)

    def _echo(self, said: Tensor, slot: int, frame: Tensor) -> Tensor:
        """(B, V) logits, from what a head says: echoes are likelier for their lengths, stranded holds impossible."""
        if slot == 0:
            return said
        num = self.reader.echoes.num
        echo, echoed = frame[:, 9 + slot : -num : len(VOICES)], frame[:, -num:]  # (B, E) each
        logits = said[:, :-num].scatter_add(1, echo, echo_gain(said[:, -num:], self.trust[slot - 1], echoed))
        return logits.masked_fill(self.reader.stranded(frame[:, 5 + slot]), IMPOSSIBLE)

    def _enter(self, token: Tensor, state: Memory) -> tuple[Tensor, Tensor, Memory]:
        """What is known of a frame (B, 10 + 5 E), its features (B, P) without its place, and the state of echoes.

        Of the frame: the start, the expected position, the runs, the frame before, the echoes and their lengths.
        """
        frame, past = self.reader.enter(token, state)
        rows = self.features.known_rows(frame) + self.offsets
        features = embedding_bag(rows, self.table, mode="sum") + self.always
        single = (frame.start.unsqueeze(1), frame.expected.unsqueeze(1))
        return torch.cat([*single, frame.run, frame.before, frame.echo.flatten(1), frame.echoed], 1), features, past

    def _read(self, features: Tensor, state: Memory) -> tuple[Memory, Tensor]:
        """The LSTMs' state after a step, and the sum of their outputs."""
        num = len(self.layers)
        outputs, cells = list(state[:num]), list(state[num:])
        top = features
        for layer, product in enumerate(self.layers):
            gates = product(torch.cat([top, outputs[layer]], 1))
            outputs[layer], cells[layer] = lstm_cell(gates, cells[layer])
            top = outputs[layer] if layer == 0 else top + outputs[layer]
        return (*outputs, *cells), top
