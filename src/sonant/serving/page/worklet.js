// The microphone, on the audio thread: blocks of 128 float samples -> chunks of 16-bit samples.

const FULL_SCALE = 32768;

class Capture extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.size = options.processorOptions.samples;
    this.chunk = new Int16Array(this.size);
    this.filled = 0;
    this.open = true;
    this.port.onmessage = () => this.#end();
  }

  process([[heard]]) {
    for (const sample of heard ?? []) {
      const level = Math.round(sample * FULL_SCALE);
      this.chunk[this.filled++] = Math.min(Math.max(level, -FULL_SCALE), FULL_SCALE - 1);
      if (this.filled === this.size) this.#post();
    }
    return this.open;
  }

  #post() {
    const chunk = this.chunk.slice(0, this.filled);
    this.port.postMessage(chunk, [chunk.buffer]);
    this.filled = 0;
  }

  #end() {
    if (this.filled) this.#post();
    this.open = false;
    this.port.postMessage(null);
  }
}

registerProcessor("capture", Capture);
