// The marked note of the score: moved by arrows or buttons, and held from then on.
import { neighbourOf, withPitch } from "./changing.js";
import { keepPicture, widthOf } from "./pictures.js";
import { ServiceError, checked } from "./service.js";
import { counted, saidSung } from "./words.js";

const byId = (id) => document.getElementById(id);

export class MarkedNote {
  #results;
  #work;
  #say;
  #sound;
  #place = null; // {voice, from}
  #pitch = null; // what is asked for

  constructor({ results, work, say, sound }) {
    this.#results = results;
    this.#work = work;
    this.#say = say;
    this.#sound = sound;
    results.addEventListener("note", ({ detail }) => {
      this.mark(detail);
      say(byId("note-told").textContent);
      sound(detail.pitch);
      byId("note-up").focus({ preventScroll: true });
    });
    for (const [id, by] of [["note-up", 1], ["note-down", -1]]) byId(id).addEventListener("click", () => this.#move(by, false));
    byId("note-done").addEventListener("click", () => this.#leave());
    byId("note-bar").addEventListener("keydown", (event) => this.#key(event));
  }

  mark(note) {
    this.#results.view.light({ on: note?.ids ?? [], off: this.#note?.ids ?? [] });
    this.#pitch = null;
    this.#place = note && { voice: note.voice, from: note.from };
    byId("note-bar").hidden = !note;
    if (note) byId("note-told").textContent = saidSung(this.#results.piece, this.#note);
  }

  // The keys go back to where the note stands.
  #leave() {
    const from = this.#place?.from ?? 0;
    this.mark(null);
    this.#results.view.focus(from);
  }

  get #note() {
    const { voice, from } = this.#place ?? {};
    return this.#results.piece?.notes.find((note) => note.voice === voice && note.from === from);
  }

  #key(event) {
    if (event.key === "Escape") this.#leave();
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.#move(by, event.shiftKey);
  }

  // The faults are looked for anew; the merit of a piece that was changed isn't known.
  async #move(by, semitone) {
    const { piece } = this.#results, note = this.#note;
    if (!note) return;
    this.#pitch = neighbourOf(piece, this.#pitch ?? note.pitch, by, semitone);
    this.#sound(this.#pitch);
    const score = withPitch(piece, note, this.#pitch);
    if (score === null) {
      this.#work.complain(new ServiceError("This note can't be changed here; save the score and change it in a notation program.", "invalid"));
      return;
    }
    const width = widthOf(byId("tune"));
    const read = await this.#work.run("Reading the score", ({ signal }) => checked({ score, name: "score.musicxml", width }, signal));
    if (!read) return;
    const { title, request, base, lead, seed, decoder } = piece;
    const others = piece.changed.filter(([voice, from]) => voice !== note.voice || from !== note.from);
    const made = { ...read, title, request, base, lead, seed, decoder, merit: null, changed: [...others, [note.voice, note.from, note.to]] };
    keepPicture(made, width, read.svg);
    this.#results.change(made, piece);
    // What is shown anew has no mark.
    const moved = made.notes.find(({ voice, from }) => voice === note.voice && from === note.from);
    this.mark(moved);
    this.#say(`${saidSung(made, moved)}; ${counted(made.faults.length, "fault")}`);
  }
}
