// The bars of a drawn score as buttons beneath its notes: one is in the order of the tab key, arrows move between them.
// Several in a row are chosen by dragging over them, or by shift with a click or an arrow; Escape chooses none. A finger
// that rests chooses a bar, then all up to another, and then none.

const REST = 500; // milliseconds

// Takes the bars of a piece and their boxes. Calls onBar(index) for a bar that is clicked or entered, and
// onChoose(range), where a range is {first, last} by indices or null.
export class Bars {
  group = document.createElement("div");
  #bars;
  #buttons;
  #boxes;
  #onChoose;
  #anchor = 0; // where a choice begins
  #extending = false; // whether the bar that takes the keys ends a choice
  #pressed = false; // whether the mouse went down on a bar
  #range = null;
  #resting; // the timer of a finger
  #rested = false; // whether the click that follows has chosen already

  constructor(bars, boxes, onBar, onChoose) {
    this.#bars = bars;
    this.#boxes = boxes.slice(0, bars.length);
    this.#onChoose = onChoose;
    this.#buttons = this.#boxes.map((box, index) => this.#button(box, () => onBar(index)));
    this.group.className = "score-bars";
    this.group.setAttribute("role", "group");
    this.group.setAttribute("aria-label", "Bars");
    this.group.append(...this.#buttons);
    this.#rove(this.#buttons[0]);
    this.mark(null);
    this.group.addEventListener("focusin", (event) => this.#rove(event.target));
    this.group.addEventListener("keydown", (event) => this.#key(event));
    this.group.addEventListener("pointerdown", (event) => this.#press(event));
    this.group.addEventListener("pointerover", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel"]) {
      this.group.addEventListener(type, () => clearTimeout(this.#resting));
    }
    this.group.addEventListener("contextmenu", (event) => this.#rested && event.preventDefault());
    this.group.addEventListener("click", (event) => this.#extend(event), { capture: true });
  }

  // Shows what is chosen; a click on any of these bars means all of them.
  mark(range) {
    this.#range = range;
    this.#buttons.forEach((button, index) => {
      const chosen = range !== null && range.first <= index && index <= range.last;
      button.classList.toggle("chosen", chosen);
      button.setAttribute("aria-label", `${chosen ? this.#span(range) : this.#span({ first: index, last: index })}: write anew`);
    });
  }

  focus(index) {
    this.#buttons[index]?.focus({ preventScroll: true });
  }

  indexOf(button) {
    return this.#buttons.indexOf(button);
  }

  #span({ first, last }) {
    const { number } = this.#bars[first];
    if (first === last && number === "0") return "Upbeat";
    return first === last ? `Bar ${number}` : `Bars ${number} to ${this.#bars[last].number}`;
  }

  #button(box, onClick) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "score-bar";
    button.tabIndex = -1;
    place(button, box);
    button.addEventListener("click", onClick);
    return button;
  }

  #rove(target) {
    if (!this.#extending) this.#anchor = Math.max(0, this.indexOf(target));
    for (const button of this.#buttons) button.tabIndex = button === target ? 0 : -1;
  }

  #key(event) {
    if (event.key === "Escape") this.#onChoose(null);
    const next = neighbour(event.key, this.indexOf(event.target), this.#boxes);
    if (next === undefined) return;
    event.preventDefault();
    if (event.shiftKey) this.#choose(next);
    this.#extending = event.shiftKey;
    this.#buttons[next].focus();
    this.#extending = false;
  }

  #press(event) {
    const index = this.indexOf(event.target);
    this.#rested = false;
    this.#extending = event.shiftKey;
    // A finger that moves scrolls the page.
    const finger = event.pointerType === "touch";
    this.#pressed = !finger && event.button === 0 && !event.shiftKey;
    if (this.#pressed) this.#anchor = index;
    if (finger && index >= 0) this.#resting = setTimeout(() => this.#rest(index), REST);
  }

  #rest(index) {
    this.#rested = true;
    const { first, last } = this.#range ?? {};
    if (first <= index && index <= last) {
      this.#onChoose(null);
      return;
    }
    this.#anchor = first ?? index;
    this.#choose(index);
  }

  #drag(event) {
    this.#pressed &&= event.buttons === 1;
    if (this.#pressed) this.#choose(this.indexOf(event.target));
  }

  #extend(event) {
    this.#extending = false;
    if (!event.shiftKey && !this.#rested) return;
    event.stopPropagation();
    if (!this.#rested) this.#choose(this.indexOf(event.target));
    this.#rested = false;
  }

  #choose(index) {
    if (this.#anchor < 0 || index < 0) return;
    this.#onChoose({ first: Math.min(this.#anchor, index), last: Math.max(this.#anchor, index) });
  }
}

// Places an element over a box; in per cent, so that it stays there while the page changes its width.
export function place(element, { left, top, width, height }) {
  for (const [side, share] of Object.entries({ left, top, width, height })) {
    if (share !== undefined) element.style[side] = `${100 * share}%`;
  }
}

function neighbour(key, index, boxes) {
  const last = boxes.length - 1;
  if (key === "ArrowLeft") return Math.max(index - 1, 0);
  if (key === "ArrowRight") return Math.min(index + 1, last);
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowUp") return nearest(index, boxes, (top) => top < boxes[index].top - 0.001, Math.max);
  if (key === "ArrowDown") return nearest(index, boxes, (top) => top > boxes[index].top + 0.001, Math.min);
  return undefined;
}

// The bar of the next system that lies nearest below or above.
function nearest(index, boxes, beyond, closest) {
  const middle = (box) => box.left + box.width / 2;
  const tops = boxes.map((box) => box.top).filter(beyond);
  if (tops.length === 0) return index;
  const top = closest(...tops);
  const distance = (number) => Math.abs(middle(boxes[number]) - middle(boxes[index]));
  return [...boxes.keys()]
    .filter((number) => Math.abs(boxes[number].top - top) < 0.001)
    .reduce((best, number) => (distance(number) < distance(best) ? number : best));
}
