// Sound that was heard: the last seconds of it, as a file, and through the loudspeaker.

const FULL_SCALE = 32768;
const HEADER = 44;

/** The last seconds of a stream, addressed by sample from its beginning. */
export class Ring {
  #samples;

  constructor(length) {
    this.#samples = new Int16Array(length);
    this.total = 0;
  }

  push(chunk) {
    for (const sample of chunk) this.#samples[this.total++ % this.#samples.length] = sample;
  }

  /** Samples [from, to) as far as they are kept. */
  slice(from, to) {
    const length = this.#samples.length;
    const first = Math.max(0, this.total - length, Math.round(from));
    const last = Math.min(this.total, Math.round(to));
    return Int16Array.from({ length: Math.max(0, last - first) }, (_, n) => this.#samples[(first + n) % length]);
  }
}

/** Samples as a WAV file, 16-bit mono. */
export function wavOf(samples, rateHz) {
  const header = new DataView(new ArrayBuffer(HEADER));
  const write = (at, text) => [...text].forEach((letter, n) => header.setUint8(at + n, letter.charCodeAt(0)));
  write(0, "RIFF");
  header.setUint32(4, HEADER - 8 + samples.byteLength, true);
  write(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // mono
  header.setUint32(24, rateHz, true);
  header.setUint32(28, 2 * rateHz, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  write(36, "data");
  header.setUint32(40, samples.byteLength, true);
  return new Blob([header, samples], { type: "audio/wav" });
}

/** Hand a file to the user. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Plays one sound at a time. */
export class Player {
  #context = null;
  #playing = null;

  /** `onEnd` is called once, also when another sound takes its place. */
  play(samples, rateHz, onEnd) {
    this.stop();
    this.#context ??= new AudioContext();
    this.#context.resume();
    const buffer = this.#context.createBuffer(1, Math.max(1, samples.length), rateHz);
    buffer.copyToChannel(floatsOf(samples), 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.onended = () => {
      if (this.#playing === source) this.#playing = null;
      onEnd();
    };
    source.start();
    this.#playing = source;
  }

  stop() {
    this.#playing?.stop();
  }
}

/** Root mean square against full scale, in decibels. */
export function levelDb(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(Math.max(sum / Math.max(1, samples.length) / FULL_SCALE ** 2, 1e-12));
}

/** 16-bit samples as floats in [-1, 1]. */
export function floatsOf(samples) {
  return Float32Array.from(samples, (sample) => sample / FULL_SCALE);
}
