// Numbers as people read them.

/** Milliseconds of a stream -> "1:02.3". */
export function clock(ms) {
  const tenths = Math.round(Math.max(0, ms) / 100);
  const seconds = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${seconds < 10 ? "0" : ""}${seconds.toFixed(1)}`;
}

/** A score in [0, 1] -> "0.87". */
export function score(value) {
  return value.toFixed(2);
}

/** Milliseconds -> "7 ms", with a decimal where it matters. */
export function milliseconds(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
