// Weights as they are kept in a file: numbers of four bytes, the lowest first, in base 64.

/** {name: {shape, data}} of what the file has. */
export function readWeights(stored) {
  const entries = Object.entries(stored);
  return Object.fromEntries(
    entries.map(([name, { shape, data }]) => [name, { shape, data: readFloats(data) }]),
  );
}

function readFloats(base64) {
  const characters = atob(base64);
  const view = new DataView(new ArrayBuffer(characters.length));
  for (let at = 0; at < characters.length; at += 1) view.setUint8(at, characters.charCodeAt(at));
  const floats = new Float32Array(characters.length / 4);
  return floats.map((_, at) => view.getFloat32(4 * at, true));
}
