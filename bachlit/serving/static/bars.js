// The bars of a drawn score as buttons beneath its notes: one is in the order of the tab key, arrows move between them.

export function barButtons(bars, boxes, onBar) {
  const group = document.createElement("div");
  group.className = "score-bars";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Bars");
  const buttons = bars.slice(0, boxes.length).map((bar, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "score-bar";
    button.tabIndex = index === 0 ? 0 : -1;
    button.setAttribute("aria-label", `Bar ${bar.number}: write anew`);
    place(button, boxes[index]);
    button.addEventListener("click", () => onBar(bar));
    return button;
  });
  group.append(...buttons);
  group.addEventListener("focusin", (event) => {
    for (const button of buttons) button.tabIndex = button === event.target ? 0 : -1;
  });
  group.addEventListener("keydown", (event) => {
    const next = neighbour(event.key, buttons.indexOf(event.target), boxes);
    if (next === undefined) return;
    event.preventDefault();
    buttons[next].focus();
  });
  return { group, buttons };
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
