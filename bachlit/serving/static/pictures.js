// Pictures of pieces: the one that came with a piece has one width, others are engraved.
import { rendered } from "./service.js";

const NARROWEST = 460, WIDEST = 2000; // on a phone smaller notes save half the systems
const pictures = new WeakMap();

// The width at which a picture is asked for that will fill an element.
export const widthOf = (element) => Math.round(Math.min(WIDEST, Math.max(NARROWEST, element.clientWidth)));

export function keepPicture(piece, width, svg) {
  pictures.set(piece, { width, svg });
}

export async function makeSvg(piece, room) {
  const width = Math.max(NARROWEST, room);
  if (pictures.get(piece)?.width !== width) {
    const { svg } = await rendered({ score: piece.musicxml, name: "score.musicxml", width });
    keepPicture(piece, width, svg);
  }
  return pictures.get(piece).svg;
}
