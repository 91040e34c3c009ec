"""FrameStepper: a `FrameLSTM` with its present weights, prepared to go one token at a time."""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu

from bachlit.networks.base import Memory, Stepper
from bachlit.networks.echoes import EchoState, echo_gain
from bachlit.networks.frames import IMPOSSIBLE, Frames, LastFrame, pack, unpack
from bachlit.networks.stepping import Product, gates_of, lstm_cell
from bachlit.tokens import END

if TYPE_CHECKING:
    from bachlit.networks.frame_lstm import FrameLSTM


class _StepMemory(NamedTuple):
    """A `FrameStepper`'s memory.

    Attributes:
        outputs: (B, layers H) of the LSTMs, side by side.
        cells: (B, layers H) likewise.
        top: (B, H) the sum of their outputs.
        frame: Before a frame's first token the packed `LastFrame`, then its packed `Frames`.
        opened: (B, p) its tokens so far.
        heard: (B, ...) inputs so far of the heads of the tokens to come, after their first linear maps.
        past: As in `EchoState`.
        compared: Likewise.
        lengths: Likewise.
        num_read: Likewise.
    """

    outputs: Tensor
    cells: Tensor
    top: Tensor
    frame: Tensor
    opened: Tensor
    heard: Tensor
    past: Tensor
    compared: Tensor
    lengths: Tensor
    num_read: Tensor


class FrameStepper(Stepper):
    """Step a `FrameLSTM`; four of a frame's five tokens cost it one small head each.

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
        # Inputs of all heads; the voices' are multiplied at once.
        size = self.hidden + network.projection.out_features
        self.hear_mark = Product(mark.weight, mark.bias)
        self.hear = Product(
            torch.cat([hear.weight[:, :size] for hear in voices]), torch.cat([one.bias for one in voices])
        )
        # What a chosen voice's token adds to the inputs of the heads of the voices after it.
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
        self.says = [self._last_map(network, slot) for slot in range(self.reader.size)]

    def _project(self, network: "FrameLSTM") -> None:
        """Project every row of every table of features (R, P), and note where tables begin; the last two stay apart."""
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
    def _last_map(network: "FrameLSTM", slot: int) -> Product:
        """Extend a head's last map to all tokens and echoes; a bias keeps out what can't stand in the slot."""
        say, size = cast(nn.Linear, network.says[slot]), network.vocabulary_size
        num = network.reader.echoes.num if slot else 0
        echoes = torch.arange(size, size + num, device=say.bias.device)
        rows = torch.cat([network.get_buffer(f"tokens_{slot}"), echoes])
        weight = say.weight.new_zeros(size + num, say.in_features).index_copy(0, rows, say.weight)
        bias = say.bias.new_full((size + num,), IMPOSSIBLE).index_copy(0, rows, say.bias)
        return Product(weight, bias)

    def begin(self, batch_size: int) -> Memory:
        """Make the memory at the start of `batch_size` pieces."""
        zeros = self.table.new_zeros(batch_size, self.hidden * len(self.layers))
        last, echoes = self.reader.begin(batch_size)
        none = zeros[:, :0]
        return _StepMemory(zeros, zeros, zeros[:, : self.hidden], pack(last), last.chosen[:, :0], none, *echoes)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the logits (B, V) of what follows each row's last token (B,), and the memory after."""
        memory = _StepMemory(*memory)
        slot = memory.opened.shape[1]
        opened = torch.cat([memory.opened, tokens.unsqueeze(1)], 1)
        if slot == 0:
            memory, known = self._enter(tokens, memory)
            place = memory.heard + self.unmarked[known.position]
            output = self.hear_mark(torch.cat([memory.top, place], 1))
        elif slot == 1:
            memory, known = self._mark(tokens, memory)
            output = memory.heard[:, : self.head]
        else:
            heard = memory.heard[:, self.head :] + self.chosen[slot - 2][tokens]
            memory, known = memory._replace(heard=heard), unpack(memory.frame, Frames)
            output = heard[:, : self.head]
        thought = gelu(output)
        for think in self.thinks[slot]:
            thought = thought + gelu(think(thought))
        logits = self._echo(self.says[slot](thought), slot, known)
        if slot < self.reader.size - 1:
            return logits, memory._replace(opened=opened)
        last = LastFrame(known.start, known.position, opened[:, 2:], known.run)
        return logits, memory._replace(frame=pack(last), opened=opened[:, :0], heard=memory.heard[:, :0])

    def _echo(self, output: Tensor, slot: int, known: Frames) -> Tensor:
        """Make logits (B, V) from a head's output: echoes gain by their lengths, stranded holds are impossible."""
        if slot == 0:
            return output
        num, voice = self.reader.echoes.num, slot - 1
        gained = echo_gain(output[:, -num:], self.trust[voice], known.echoed)  # (B, E)
        logits = output[:, :-num].scatter_add(1, known.echo[:, :, voice], gained)
        return logits.masked_fill(self.reader.echoes.stranded(known.before[:, voice]), IMPOSSIBLE)

    def _enter(self, token: Tensor, memory: _StepMemory) -> tuple[_StepMemory, Frames]:
        """Open a frame with the token before it: what is known of it, and its features (B, P) without its place."""
        echoes = EchoState(memory.past, memory.compared, memory.lengths, memory.num_read)
        known, echoes = self.reader.enter(token, unpack(memory.frame, LastFrame), echoes)
        rows = self.features.known_rows(known) + self.offsets
        features = embedding_bag(rows, self.table, mode="sum") + self.always
        state = memory.outputs, memory.cells, memory.top
        return _StepMemory(*state, pack(known), memory.opened, features, *echoes), known

    def _mark(self, mark: Tensor, memory: _StepMemory) -> tuple[_StepMemory, Frames]:
        """Place a frame by its mark, and let the LSTMs read it."""
        known = unpack(memory.frame, Frames)
        position = self.reader.place(mark, known.position)
        known = known._replace(position=position)
        features = memory.heard + self.mark[mark] + self.position[position]
        outputs, cells, top = self._read(features, memory)
        heard = self.hear(torch.cat([top, features], 1))
        return memory._replace(outputs=outputs, cells=cells, top=top, frame=pack(known), heard=heard), known

    def _read(self, features: Tensor, memory: _StepMemory) -> tuple[Tensor, Tensor, Tensor]:
        """Step the LSTMs: outputs, cells, and the sum of the outputs."""
        outputs, cells = (list(torch.split(part, self.hidden, 1)) for part in (memory.outputs, memory.cells))
        top = features
        for layer, product in enumerate(self.layers):
            gates = product(torch.cat([top, outputs[layer]], 1))
            outputs[layer], cells[layer] = lstm_cell(gates, cells[layer])
            top = outputs[layer] if layer == 0 else top + outputs[layer]
        return torch.cat(outputs, 1), torch.cat(cells, 1), top
