# %% [markdown]
# # A tour of bachlit
#
# From Bach's chorales to a harmonisation by a network that you have just trained, in ten cells.
# Run the cells one after the other in VS Code, PyCharm or Jupyter (by Jupytext), or all of them:
# `python examples/tour.py`, which keeps its pictures in the folder `tour`.

# %%
from functools import partial
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch

import bachlit
from bachlit.callbacks import TrainingCurves
from bachlit.corpus import BachCorpus
from bachlit.encoding import SatbEncoding
from bachlit.evaluation import evaluate, held_out, named
from bachlit.models.inspecting import correlations, hidden_units, pitch_probabilities, unit_names
from bachlit.networks import FrameLSTM
from bachlit.rendering import png, text_roll
from bachlit.rendering.plots import activations, piano_roll
from bachlit.scores import write_musicxml

EPOCHS = 3  # a minute of one core; a teacher of the model that ships takes an hour
PIECES = 4  # on which decoders are compared
FOLDER = Path("tour")
FOLDER.mkdir(exist_ok=True)
torch.manual_seed(1)


def show(picture: bytes, name: str) -> None:
    """Keep a picture in the folder, and show it in a notebook."""
    path = FOLDER / f"{name}.png"
    path.write_bytes(picture)
    print(path)
    if "get_ipython" in globals():
        from IPython.display import Image, display

        display(Image(picture))


# %% [markdown]
# ## Data
# music21 holds nearly 400 chorales by Bach. bachlit reads each as a grid: one row per sixteenth (a
# *frame*), one column per voice. In a notebook, a chorale as the last line of a cell shows its score.

# %%
chorales = BachCorpus().chorales()
piece = next(chorale for chorale in chorales if chorale.name == "bwv269")
print(len(chorales), "chorales, such as", piece)
print("The pitches of the first two beats (soprano, alto, tenor, bass):", piece.pitches[:8].tolist(), sep="\n")
show(png(piece), "bach")
piece

# %% [markdown]
# ## Tokens
# A language model reads a row of symbols, the *tokens*. Every frame becomes five: a mark, then what soprano,
# bass, alto and tenor do there. A note begins (`onset`) or is held; its number is its pitch as in MIDI.

# %%
encoding = SatbEncoding(bars=True)
tokens = encoding.encode(piece)
print(len(tokens), "tokens of", encoding.vocabulary_size, "kinds. The first three frames:")
for start in range(1, 16, 5):
    print("  ", [encoding.describe(token) for token in tokens[start : start + 5]])

# %% [markdown]
# ## A window
# Training reads many pieces side by side, each in a lane, a window of whole frames at a time: of 128 tokens,
# 125. The network learns to name the next token everywhere: the targets are the tokens, moved on by one. A
# piece's first token is its key; with `bars`, a frame that begins a bar has the mark BAR. `reset` tells where a
# lane begins a new piece; elsewhere the network's memory goes on from the window before.

# %%
data = bachlit.ChoraleDataModule(encoding=encoding, keys="home", lanes=16, window=128)
data.prepare_data()
data.setup("fit")
print({fold: len(pieces) for fold, pieces in data.folds.items()}, "pieces: no tune is in two folds")
window = next(iter(data.train_dataloader()))
print("tokens", tuple(window.tokens.shape), "targets", tuple(window.targets.shape))
print("the first lane reads ", [encoding.describe(token) for token in window.tokens[0, :5].tolist()])
print("and has to predict   ", [encoding.describe(token) for token in window.targets[0, :5].tolist()])
print("lanes that begin a piece:", int(window.reset.sum()))

# %% [markdown]
# ## A fit
# A small LSTM that takes one step per frame. `keys="home"` moves all pieces to C major or A minor, so that
# there is less to learn in a minute.

# %%
model = bachlit.ChoraleModel(
    partial(FrameLSTM, hidden=96, head=64),
    optimizer=partial(torch.optim.Adam, lr=5e-3),
    encoding=encoding,
    keys="home",
)
curves = TrainingCurves()
trainer = pl.Trainer(
    max_epochs=EPOCHS, callbacks=[curves], default_root_dir=FOLDER, logger=False, enable_checkpointing=False
)
trainer.fit(model, data)
trained = model.language_model

# %% [markdown]
# ## Curves
# *Nats* measure surprise: 0 if the model was certain of what came, more the less it expected it. Training's
# loss is the higher one here, since training drops half of the network's units at random. A model whose
# training goes on to improve while validation gets worse learns its pieces by heart.

# %%
for row in curves.rows:
    print(f"epoch {row['epoch']:.0f}: {row['val/nats_per_frame']:.3f} nats per frame on pieces it hasn't seen")
show((FOLDER / "curves.png").read_bytes(), "curves")

# %% [markdown]
# ## What the model expects
# The notes of a chorale that it hasn't seen, over the probability that it gave to each pitch just before:
# the darker, the likelier.

# %%
unseen = data.folds["valid"][0]
show(piano_roll(unseen, pitch_probabilities(trained, unseen)), "expected")

# %% [markdown]
# ## Decoders
# A model gives probabilities; a decoder chooses. Greedy takes the likeliest next note, sampling draws one, a
# beam keeps many continuations and looks for the likeliest whole. Each harmonises the same sopranos here.
# Bach's own figures come first. The likeliest music is less surprising than Bach's. The grade is a distance from
# Bach's style in nine parts: the lower the better, Bach's own pieces have about 5.

# %%
compared = named("greedy,sampling,beam-strict")
result = evaluate({"small": trained}, compared, held_out(data.folds, "valid", limit=PIECES), resamples=100)
print(result)
result

# %% [markdown]
# ## Hidden units
# What does the network remember? Each unit of its memory is a number that changes from frame to frame. These
# go best with the beginnings of bars, which the tokens mark; look what else they follow, such as fermatas.

# %%
units = hidden_units(trained, unseen)
begins_bar = np.zeros(unseen.num_frames)
begins_bar[[measure.start for measure in unseen.measures]] = 1
matches = correlations(units, begins_bar)
best = np.argsort(-np.abs(matches))[:8]
labels = [f"{unit_names(trained)[unit]}  {matches[unit]:+.2f}" for unit in best]
print("Units and their correlation with the beginnings of bars:", *labels, sep="\n  ")
show(activations(unseen, units[:, best], labels, caption="units by correlation with the bars"), "units")

# %% [markdown]
# ## A harmonisation
# The first phrase of a tune, harmonised by the network that you have trained, and by the one that ships. The
# tune comes back as it was.

# %%
tune = FOLDER / "tune.abc"  # or a file of yours: MusicXML, MIDI, ABC, kern, MEI
tune.write_text("X:1\nT:Twinkle, Twinkle, Little Star\nM:4/4\nL:1/4\nK:G\nGGdd|eed2|ccBB|AAG2|]\n")
mine = bachlit.harmonize(tune, checkpoint=trained, seed=1)
theirs = bachlit.harmonize(tune, seed=1)
print(text_roll(mine), "A letter begins a note of soprano, alto, tenor or bass; a column is a sixteenth.", sep="\n")
show(png(mine), "mine")
show(png(theirs), "theirs")
write_musicxml(mine, FOLDER / "mine.musicxml")
mine
