// Undo and redo of immutable states, and keeping the last one in the browser.

export class History extends EventTarget {
  #past = [];
  #future = [];

  constructor(present) {
    super();
    this.present = present;
  }

  // Without `step` it takes the place of the present, as a mark that moves.
  set(state, { step = true } = {}) {
    if (state === this.present) return;
    if (step) {
      this.#past = [...this.#past.slice(-199), this.present];
      this.#future = [];
    }
    this.present = state;
    this.dispatchEvent(new Event("change"));
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    if (!this.canUndo) return false;
    this.#future.push(this.present);
    this.present = this.#past.pop();
    this.dispatchEvent(new Event("change"));
    return true;
  }

  redo() {
    if (!this.canRedo) return false;
    this.#past.push(this.present);
    this.present = this.#future.pop();
    this.dispatchEvent(new Event("change"));
    return true;
  }
}

const PLACE = "bachlit.tune";

// A full or forbidden storage costs the memory of the tune, never the page.
export function keep(tune) {
  try {
    localStorage.setItem(PLACE, JSON.stringify({ version: 1, tune }));
  } catch {
    try {
      localStorage.removeItem(PLACE);
    } catch { /* Forbidden altogether. */ }
  }
}

export function kept() {
  try {
    const { version, tune } = JSON.parse(localStorage.getItem(PLACE));
    return version === 1 && tune.notes.every(({ ticks }) => ticks > 0) ? tune : null;
  } catch {
    return null;
  }
}
