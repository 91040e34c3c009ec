"""FrameStepper: a `FrameLSTM` with its present weights, prepared to go one token at a time, or through given ones."""

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, gelu

from bachlit.networks.base import Memory, Stepper
from bachlit.networks.opening import Opened, Opening
from bachlit.networks.slots import Echoed, Slot
from bachlit.networks.stepping import Product, gates_of, lstm_cell
from bachlit.tokens import END

if TYPE_CHECKING:
    from bachlit.networks.frame_lstm import FrameLSTM


class _StepMemory(NamedTuple):
    """A `FrameStepper`'s memory: which row stands where in what was computed when its frame opened, and at its mark.

    Only the path is gathered by row. The rest waits until the next frame: a frame's tokens need little of it.

    Attributes:
        path: (B, 2 + p) each row's place among the E rows of its frame's opening and the M rows of its mark, then the
            frame's tokens since: the mark and the voices but the last.
        known: (E, C) as in `Opened`.
        past: (E, ..., F) as `Opening` keeps it.
        trust: (E, 4 E) gains of the echoes by their lengths, voice by voice.
        features: (E, P) without the frame's place.
        states: (M, 2 layers H) the LSTMs' outputs, then their cells.
        top: (M, H) the sum of the outputs.
        heard: (M, 4, head) inputs of the voices' heads, without the voices chosen.
        position: (M,) in the bar.
    """

    path: Tensor
    known: Tensor
    past: Tensor
    trust: Tensor
    features: Tensor
    states: Tensor
    top: Tensor
    heard: Tensor
    position: Tensor


_ROWS = 2  # columns of a path that are places


class FrameStepper(Stepper):
    """Step a `FrameLSTM` in all its views; four of a frame's five tokens cost it one small head each.

    Features are all looked up and then projected, so their tables are projected beforehand, and a frame's features are
    a sum of rows. Logits are log-probabilities.

    Args:
        network: In evaluation.
    """

    normalised = True

    def __init__(self, network: "FrameLSTM") -> None:
        self.reader, self.views, self.hidden = network.reader, network.views, network.hidden
        self.size = self.reader.size
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
        # What the chosen voices' tokens add to a voice's head, for all but the first: tables one after another.
        token = network.features.token.weight.detach()
        self.chosen = [
            torch.cat([token @ part.t() for part in torch.split(hear.weight.detach()[:, size:], token.shape[1], 1)])
            for hear in voices[1:]
        ]
        self.starts = torch.arange(len(voices), device=token.device) * len(token)
        self.thinks = [
            [Product(think.weight, think.bias, gelu=True) for think in cast(list[nn.Linear], list(thinks))]
            for thinks in cast(list[nn.ModuleList], list(network.thinks))
        ]
        ids = torch.arange(len(token), device=token.device)
        stranded = self.reader.echoes.stranded(ids)
        self.slots = [
            Slot(cast(nn.Linear, say), network.get_buffer(f"tokens_{slot}"), stranded if slot else None, self.views)
            for slot, say in enumerate(network.says)
        ]
        self.opening = Opening(self.reader, network.features, torch.stack([slot.columns for slot in self.slots[1:]]))
        # Gains of echoes by length and kind, voice by voice: (E lengths, 4).
        self.trust = network.trust.detach().permute(1, 2, 0).flatten(0, 1).contiguous()
        num, lengths = network.trust.shape[1:]
        self.kinds = torch.arange(num, device=token.device) * lengths

    def _project(self, network: "FrameLSTM") -> None:
        """Project every row of every table of features (R, P), and note where tables begin; the last two stay apart."""
        tables, projection = network.features.tables(), network.projection
        columns = torch.split(projection.weight, [table.embedding_dim for table in tables], 1)
        *known, self.mark, self.position = (
            table.weight.detach() @ column.detach().t() for table, column in zip(tables, columns, strict=True)
        )
        self.table, self.always = torch.cat(known), projection.bias.detach().clone()
        offsets = [0, *accumulate(len(table) for table in known[:-1])]
        self.offsets = torch.tensor(offsets, device=self.always.device)
        # What is known of a frame's place before its mark, by expected position.
        self.unmarked = self.mark[END] + self.position

    def begin(self, batch_size: int) -> Memory:
        """Make the memory at the start of `batch_size` pieces."""
        device = self.table.device
        path = torch.zeros(batch_size * self.views.num, _ROWS + self.size - 1, dtype=torch.long, device=device)
        known, past = self.opening.begin()
        states = self.table.new_zeros(1, 2 * len(self.layers) * self.hidden)
        none = self.table[:1, :0]
        return _StepMemory(path, known, past, none, none, states, states[:, : self.hidden], none, path[:1, 0] - 1)

    def select(self, memory: Memory, index: Tensor) -> Memory:
        """Select rows (B',) of a memory, in this order."""
        memory, num = _StepMemory(*memory), self.views.num
        if num > 1:
            index = (index.unsqueeze(1) * num + torch.arange(num, device=index.device)).flatten()
        return memory._replace(path=memory.path.index_select(0, index))

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the log-probabilities (B, V) of what follows each row's last token (B,), and the memory after."""
        return self._step(self.views.spread(tokens), _StepMemory(*memory))

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Give the log-probabilities (B, N, V) of what follows each of the tokens (B, N), and the memory after.

        Whole frames are read together: the LSTMs go frame by frame, all else is done at once.
        """
        memory = _StepMemory(*memory)
        moved, read, at = self.views.spread(tokens), [], 0  # (B views, N)
        while at < moved.shape[1]:
            frames = (moved.shape[1] - at) // self.size if self._slot(memory) == 0 else 0
            if frames:
                groups = moved[:, at : at + frames * self.size].view(len(moved), frames, self.size)
                log_probs, memory = self._read(groups, memory)
                read.append(log_probs)
                at += frames * self.size
            else:
                log_prob, memory = self._step(moved[:, at], memory)
                read.append(log_prob.unsqueeze(1))
                at += 1
        return torch.cat(read, 1), memory

    def _slot(self, memory: _StepMemory) -> int:
        """The slot that the next token opens: that after it."""
        return (memory.path.shape[1] - _ROWS + 1) % self.size

    def _step(self, token: Tensor, memory: _StepMemory) -> tuple[Tensor, _StepMemory]:
        """Step all views (B views,)."""
        slot = self._slot(memory)
        if slot == 0:
            opened, past = self._enter(token, memory)
            memory = self._opened(opened, past, memory)
            known, top = memory.known, memory.top.index_select(0, memory.path[:, 1])
            output = self.hear_mark(torch.cat([top, memory.features + self.unmarked[known[:, Opening.EXPECTED]]], 1))
            return self._say(slot, output, None), memory
        if slot == 1:
            memory = self._mark(token, memory)
        else:
            memory = memory._replace(path=torch.cat([memory.path, token.unsqueeze(1)], 1))
        opening, mark = memory.path[:, 0], memory.path[:, 1]
        output = memory.heard[:, slot - 1].index_select(0, mark)
        if slot > 1:
            output += self._chosen(slot, memory.path[:, _ROWS + 1 :])
        known, trust = memory.known.index_select(0, opening), memory.trust.index_select(0, opening)
        return self._say(slot, output, self._echoed(slot, known, trust)), memory

    def _enter(self, token: Tensor, memory: _StepMemory) -> tuple[Opened, Tensor]:
        """Open the frame after a token: what is known, and the past."""
        opening, mark = memory.path[:, 0], memory.path[:, 1]
        position = memory.position.index_select(0, mark)
        last, past = memory.known.index_select(0, opening), memory.past.index_select(0, opening)
        return self.opening.enter(token, memory.path[:, _ROWS + 1 :], last, position, past)

    def _opened(self, opened: Opened, past: Tensor, memory: _StepMemory) -> _StepMemory:
        """Compute what a frame's slots need of its opening."""
        features, trust = self._features(opened)
        rows = torch.arange(len(features), device=features.device)
        path = torch.stack([rows, memory.path[:, 1]], 1)
        return memory._replace(path=path, known=opened.known, past=past, trust=trust, features=features)

    def _features(self, opened: Opened) -> tuple[Tensor, Tensor]:
        """Look up features (B, P) without the frame's place, and the gains of echoes (B, 4 E)."""
        features = embedding_bag(opened.rows + self.offsets, self.table, mode="sum") + self.always
        trust = self.trust[opened.lengths + self.kinds]  # (B, E, 4)
        return features, trust.transpose(1, 2).flatten(1)

    def _mark(self, mark: Tensor, memory: _StepMemory) -> _StepMemory:
        """Place a frame by its mark, and let the LSTMs read it."""
        opening, last = memory.path[:, 0], memory.path[:, 1]
        position = self.reader.place(mark, memory.known[:, Opening.EXPECTED].index_select(0, opening))
        features = memory.features.index_select(0, opening) + (self.mark[mark] + self.position[position])
        states, top = self._read_frame(features, memory.states.index_select(0, last))
        heard = self.hear(torch.cat([top, features], 1)).view(len(top), -1, self.head)
        rows = torch.arange(len(mark), device=mark.device)
        path = torch.stack([opening, rows, mark], 1)
        return memory._replace(path=path, states=states, top=top, heard=heard, position=position)

    def _read_frame(self, features: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """Step the LSTMs: outputs and cells (B, 2 layers H), and the sum of the outputs (B, H)."""
        parts = list(torch.split(states, self.hidden, 1))
        top, num = features, len(self.layers)
        for layer, product in enumerate(self.layers):
            gates = product(torch.cat([top, parts[layer]], 1))
            parts[layer], parts[num + layer] = lstm_cell(gates, parts[num + layer])
            top = parts[layer] if layer == 0 else top + parts[layer]
        return torch.cat(parts, 1), top

    def _chosen(self, slot: int, tokens: Tensor) -> Tensor:
        """What the frame's voices so far (B, slot - 1) add to the input of a slot's head."""
        return embedding_bag(tokens + self.starts[: slot - 1], self.chosen[slot - 2], mode="sum")

    def _echoed(self, slot: int, known: Tensor, trust: Tensor) -> Echoed:
        """Pick out what a voice's slot must know of its frame (B, ...)."""
        num = self.opening.num_echoes
        span = slice((slot - 1) * num, slot * num)
        return Echoed(known[:, Opening.BEFORE + slot - 1], known[:, Opening.ECHO :][:, span], trust[:, span])

    def _say(self, slot: int, output: Tensor, echoed: Echoed | None) -> Tensor:
        """Give log-probabilities (B / views, V) from the input (B, head) of a head."""
        thought = gelu(output)
        for think in self.thinks[slot]:
            thought = thought + think(thought)
        return self.slots[slot].log_probs(thought, echoed)

    def _read(self, groups: Tensor, memory: _StepMemory) -> tuple[Tensor, _StepMemory]:
        """Read whole frames (B views, F, 5), each from the token before it on: log-probabilities (B, 5 F, V)."""
        frames, positions, previous = [], [], memory.top.index_select(0, memory.path[:, 1])
        states = memory.states.index_select(0, memory.path[:, 1])
        rows = torch.arange(len(groups), device=groups.device)
        path, position = memory.path, memory.position
        for group in groups.unbind(1):
            opened, past = self._enter(group[:, 0], memory)
            frames.append(opened)
            position = self.reader.place(group[:, 1], opened.known[:, Opening.EXPECTED])
            positions.append(position)
            path = torch.cat([rows.unsqueeze(1), rows.unsqueeze(1), group[:, 1:]], 1)
            memory = memory._replace(path=path, known=opened.known, past=past, position=position)
        # From here on a row is a frame: F B views, frame by frame.
        known = torch.cat([opened.known for opened in frames])
        everything = Opened(known, torch.cat([one.lengths for one in frames]), torch.cat([one.rows for one in frames]))
        unmarked, trust = self._features(everything)
        marks, tokens = groups[:, :, 1].t().flatten(), groups[:, :, 2:].transpose(0, 1).flatten(0, 1)
        features = unmarked + (self.mark[marks] + self.position[torch.cat(positions)])
        tops = []
        for entering in torch.split(features, len(groups)):
            states, top = self._read_frame(entering, states)
            tops.append(top)
        top, before = torch.cat(tops), torch.cat([previous, *tops[:-1]])
        heard = self.hear(torch.cat([top, features], 1)).view(len(top), -1, self.head)
        place = unmarked + self.unmarked[known[:, Opening.EXPECTED]]
        said = [self._say(0, self.hear_mark(torch.cat([before, place], 1)), None)]
        for slot in range(1, self.size):
            output = heard[:, slot - 1].contiguous()
            if slot > 1:
                output += self._chosen(slot, tokens[:, : slot - 1])
            said.append(self._say(slot, output, self._echoed(slot, known, trust)))
        log_probs = torch.stack(said, 1).view(len(frames), -1, self.size, said[0].shape[1])  # (F, B, 5, V)
        last = len(groups)
        memory = memory._replace(
            trust=trust[-last:], features=unmarked[-last:], states=states, top=tops[-1], heard=heard[-last:]
        )
        return log_probs.transpose(0, 1).flatten(1, 2), memory
