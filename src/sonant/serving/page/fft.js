// The discrete Fourier transform, for the picture only: the models have their own front ends.

/** Power spectra of real signals of one length, a power of two. */
export class Spectrum {
  #size;
  #window;
  #cosines;
  #sines;
  #order;
  #real;
  #imaginary;

  constructor(size) {
    this.#size = size;
    const turn = (n) => (2 * Math.PI * n) / size;
    this.#window = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos(turn(n)));
    this.#cosines = Float64Array.from({ length: size / 2 }, (_, n) => Math.cos(turn(n)));
    this.#sines = Float64Array.from({ length: size / 2 }, (_, n) => -Math.sin(turn(n)));
    const bits = Math.log2(size);
    this.#order = Uint32Array.from({ length: size }, (_, n) => reversed(n, bits));
    this.#real = new Float64Array(size);
    this.#imaginary = new Float64Array(size);
  }

  /** [size] samples -> [size / 2] decibels; a full-scale sine is 0. */
  decibels(samples) {
    const [real, imaginary, size] = [this.#real, this.#imaginary, this.#size];
    for (let n = 0; n < size; n += 1) {
      const from = this.#order[n];
      real[n] = samples[from] * this.#window[from];
      imaginary[n] = 0;
    }
    for (let half = 1; half < size; half *= 2) this.#stage(half);
    const scale = (4 / size) ** 2;
    return Float64Array.from({ length: size / 2 }, (_, bin) => {
      const power = scale * (real[bin] ** 2 + imaginary[bin] ** 2);
      return 10 * Math.log10(Math.max(power, 1e-12));
    });
  }

  /** Butterflies over blocks of twice `half`. */
  #stage(half) {
    const [real, imaginary] = [this.#real, this.#imaginary];
    const stride = this.#size / (2 * half);
    for (let start = 0; start < this.#size; start += 2 * half) {
      for (let n = 0; n < half; n += 1) {
        const [low, high] = [start + n, start + n + half];
        const [cosine, sine] = [this.#cosines[n * stride], this.#sines[n * stride]];
        const turnedReal = real[high] * cosine - imaginary[high] * sine;
        const turnedImaginary = real[high] * sine + imaginary[high] * cosine;
        real[high] = real[low] - turnedReal;
        imaginary[high] = imaginary[low] - turnedImaginary;
        real[low] += turnedReal;
        imaginary[low] += turnedImaginary;
      }
    }
  }
}

function reversed(number, bits) {
  let found = 0;
  for (let bit = 0; bit < bits; bit += 1) found |= ((number >> bit) & 1) << (bits - 1 - bit);
  return found;
}
