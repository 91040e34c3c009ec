// Harmonising: the one function that knows how pieces are asked for; a page without a service would replace it.
import { ServiceError, lost, posted } from "./service.js";

// Gives pieces, each with its seed and decoder, and the warnings of all.
// onProgress takes {place} while others are served first, then {done}, from 0 to 1.
export async function harmonise(request, { signal, onProgress = () => {} } = {}) {
  const answer = await posted("harmonize", request, { accept: "text/event-stream", signal });
  for await (const { event, data } of events(answer.body, signal)) {
    if (event === "error") throw new ServiceError(data.error, data.code);
    if (event === "answer") {
      const { seed, decoder, warnings } = data;
      return data.pieces.map((piece) => ({ ...piece, seed, decoder, warnings }));
    }
    onProgress(data);
  }
  throw lost();
}

// Reads server-sent events as they come.
async function* events(stream, signal) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + value).replaceAll("\r\n", "\n");
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const fields = block.split("\n").map((line) => line.match(/^(\w+): ?(.*)$/)).filter(Boolean);
        const joined = (name) => fields.filter((field) => field[1] === name).map((field) => field[2]).join("\n");
        if (joined("data")) yield { event: joined("event"), data: JSON.parse(joined("data")) };
      }
    }
  } catch (error) {
    if (signal?.aborted || error.name === "AbortError") throw error;
    throw lost();
  } finally {
    reader.cancel().catch(() => {});
  }
}
