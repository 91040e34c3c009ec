// Reads an SVG text as a drawing and nothing else, whoever wrote it.

const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(
  "svg g defs symbol use path rect circle ellipse line polygon polyline text tspan".split(" "),
);
const ATTRIBUTES = new Set(
  (
    "class d points x y x1 y1 x2 y2 cx cy r rx ry dx dy width height viewBox transform preserveAspectRatio overflow " +
    "visibility fill fill-opacity fill-rule stroke stroke-width stroke-linecap stroke-linejoin stroke-dasharray " +
    "stroke-opacity opacity font-family font-size font-style font-weight text-anchor letter-spacing xml:space"
  ).split(" "),
);

// Returns the svg element, and its parts by their ids. In the drawing, ids stand as data-id, so that none can be taken
// for one of the page's; only glyphs keep theirs, since they are drawn by reference.
export function drawing(text) {
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (svg.namespaceURI !== SVG || svg.localName !== "svg") throw new Error("The score's picture can't be read.");
  const parts = new Map();
  const foreign = [];
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    if (element.namespaceURI !== SVG || !ELEMENTS.has(element.localName)) foreign.push(element);
    else clean(element, parts);
  }
  for (const element of foreign) element.remove();
  // Only now, since what enters the page's document is loaded and run.
  return { svg: document.adoptNode(svg), parts };
}

function clean(element, parts) {
  const glyph = element.parentNode?.localName === "defs";
  for (const { name, value } of [...element.attributes]) {
    if (name === "id") {
      parts.set(value, element);
      if (glyph) continue;
      element.setAttribute("data-id", value);
      element.removeAttribute(name);
    } else if (name === "href" || name === "xlink:href") {
      if (!value.startsWith("#")) element.removeAttribute(name);
    } else if (!ATTRIBUTES.has(name) || /url\(/i.test(value)) {
      element.removeAttribute(name);
    }
  }
}
