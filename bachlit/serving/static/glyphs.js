// Signs of notation as SVG paths, drawn for this page. Units are staff spaces, y goes down.

// Turns points [x, y, width] (y up) of a pen's way into the outline of its stroke, smoothed.
function stroke(points) {
  const along = [];
  for (let index = 0; index < points.length - 1; index++) {
    const [a, b, c, d] = [-1, 0, 1, 2].map((by) => points[Math.max(0, Math.min(points.length - 1, index + by))]);
    for (let part = 0; part < 6; part++) {
      const t = part / 6;
      along.push(b.map((_, k) =>
        0.5 * (2 * b[k] + (c[k] - a[k]) * t + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t + (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t ** 3)));
    }
  }
  along.push(points.at(-1));
  const sides = [1, -1].map((side) => along.map(([x, y, width], index) => {
    const [before, after] = [along[Math.max(0, index - 1)], along[Math.min(along.length - 1, index + 1)]];
    const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
    const half = (side * width) / 2 / (Math.hypot(dx, dy) || 1);
    return `${(x - dy * half).toFixed(2)} ${(-y - dx * half).toFixed(2)}`;
  }));
  return `M${sides[0].join("L")}L${sides[1].reverse().join("L")}Z`;
}

const dot = (x, y, radius) =>
  `M${x - radius} ${-y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;

// A hole is drawn the other way round.
const ring = (rx, ry, turn, holeX, holeY, holeTurn) => oval(rx, ry, turn) + oval(holeX, holeY, holeTurn, 0);

function oval(rx, ry, turn, sweep = 1) {
  const [x, y] = [rx * Math.cos(turn), rx * Math.sin(turn)];
  const degrees = (turn * 180) / Math.PI;
  const arc = (toX, toY) => `A${rx} ${ry} ${degrees.toFixed(0)} 0 ${sweep} ${toX.toFixed(2)} ${toY.toFixed(2)}`;
  return `M${(-x).toFixed(2)} ${(-y).toFixed(2)}${arc(x, y)}${arc(-x, -y)}Z`;
}

const TILT = -0.4;

export const GLYPHS = {
  clef: stroke([
    [1.22, -0.42, 0.08], [0.92, -0.02, 0.16], [1.06, 0.55, 0.26], [1.62, 0.84, 0.36], [2.26, 0.52, 0.42], [2.44, -0.16, 0.36],
    [2.1, -0.82, 0.24], [1.42, -1.04, 0.17], [0.68, -0.78, 0.24], [0.18, -0.1, 0.36], [0.22, 0.8, 0.42], [0.72, 1.66, 0.36],
    [1.3, 2.3, 0.3], [1.76, 3.0, 0.34], [1.88, 3.7, 0.32], [1.62, 4.34, 0.1], [1.26, 3.86, 0.13], [1.14, 3.1, 0.18],
    [1.3, 1.8, 0.16], [1.56, 0.1, 0.14], [1.78, -1.5, 0.13], [1.62, -2.2, 0.13], [1.12, -2.46, 0.14], [0.72, -2.2, 0.14],
  ]) + dot(0.92, -1.98, 0.32),
  black: oval(0.62, 0.43, TILT),
  half: ring(0.62, 0.44, TILT, 0.52, 0.23, TILT - 0.15),
  whole: ring(0.82, 0.48, 0, 0.45, 0.3, 1.0),
  sharp: stroke([[-0.22, -1.38, 0.11], [-0.22, 1.22, 0.11]]) + stroke([[0.2, -1.22, 0.11], [0.2, 1.38, 0.11]]) +
    stroke([[-0.48, 0.3, 0.28], [0.46, 0.6, 0.28]]) + stroke([[-0.48, -0.62, 0.28], [0.46, -0.32, 0.28]]),
  flat: stroke([[-0.3, 1.75, 0.1], [-0.3, -0.68, 0.1]]) +
    stroke([[-0.28, 0.22, 0.08], [0.06, 0.5, 0.2], [0.36, 0.3, 0.3], [0.22, -0.14, 0.22], [-0.3, -0.66, 0.06]]),
  natural: stroke([[-0.26, 1.36, 0.11], [-0.26, -0.66, 0.11]]) + stroke([[0.26, -1.36, 0.11], [0.26, 0.66, 0.11]]) +
    stroke([[-0.28, 0.36, 0.26], [0.28, 0.54, 0.26]]) + stroke([[-0.28, -0.54, 0.26], [0.28, -0.36, 0.26]]),
  rest4: stroke([[-0.3, 1.5, 0.06], [0.02, 1.06, 0.2], [0.22, 0.62, 0.3], [-0.04, 0.28, 0.42], [-0.18, 0.02, 0.34], [0.06, -0.38, 0.2], [0.36, -0.76, 0.06]]) +
    stroke([[0.38, -0.74, 0.06], [-0.06, -0.66, 0.28], [-0.28, -0.98, 0.26], [0.0, -1.5, 0.05]]),
  rest8: dot(-0.3, 0.4, 0.24) + stroke([[-0.36, 0.24, 0.08], [0.02, 0.2, 0.12], [0.4, 0.56, 0.1]]) + stroke([[0.4, 0.58, 0.1], [0.0, -0.96, 0.1]]),
  rest16: dot(-0.2, 0.4, 0.24) + stroke([[-0.26, 0.24, 0.08], [0.12, 0.2, 0.12], [0.5, 0.56, 0.1]]) +
    dot(-0.46, -0.6, 0.24) + stroke([[-0.52, -0.76, 0.08], [-0.14, -0.8, 0.12], [0.22, -0.46, 0.1]]) + stroke([[0.5, 0.58, 0.1], [-0.08, -1.96, 0.1]]),
  restBar: "M-.6 -1H.6V-.5H-.6Z",
  restHalf: "M-.6 -.5H.6V0H-.6Z",
  flagUp: stroke([[0.02, 0, 0.1], [0.1, -0.55, 0.42], [0.55, -1.1, 0.26], [0.92, -1.75, 0.18], [0.8, -2.7, 0.05]]),
  flagDown: stroke([[0.02, 0, 0.1], [0.1, 0.55, 0.42], [0.55, 1.1, 0.26], [0.92, 1.75, 0.18], [0.8, 2.7, 0.05]]),
  comma: dot(0, 0, 0.26) + stroke([[0.18, 0.04, 0.2], [0.14, -0.36, 0.16], [-0.14, -0.72, 0.04]]),
  dot: dot(0, 0, 0.2),
};
