// A microphone as chunks of 16-bit mono samples.

import { address } from "./server.js";

const CHUNK_MS = 40;
const BLOCK = 128; // samples that a worklet is given at once
const END_MS = 500; // an audio thread that is asked to end does so within it, or is not waited for

const REASONS = {
  AbortError: "A part of this page did not load; does the server still run?",
  NotAllowedError: "The browser was not allowed to use the microphone.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "Another program has the microphone.",
};

export class Microphone {
  #stream;
  #context;
  #source;
  #node;
  #ended;

  /** Ask for it; `processing` is what a browser may do to the sound, each true or false. */
  static async open({ rateHz, processing }) {
    if (!navigator.mediaDevices) {
      const place = `http://localhost:${location.port}/`;
      throw new Error(`Browsers give the microphone only to localhost and https: open ${place}`);
    }
    const microphone = new Microphone();
    try {
      microphone.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, ...processing },
      });
      await microphone.#connect(rateHz);
    } catch (error) {
      microphone.close();
      throw new Error(REASONS[error.name] ?? `The microphone failed: ${error.message}`);
    }
    return microphone;
  }

  /** Hertz of what `onChunk` is given: the wanted rate where the browser resamples, else its own. */
  get rateHz() {
    return this.#context.sampleRate;
  }

  /** Hear: `onChunk(Int16Array)` until it is closed; `onLost()` when the device goes away. */
  start({ onChunk, onLost }) {
    const samples = Math.max(1, Math.round((CHUNK_MS / 1000) * this.rateHz / BLOCK)) * BLOCK;
    this.#node = new AudioWorkletNode(this.#context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { samples },
    });
    this.#ended = new Promise((done) => {
      this.#node.port.onmessage = ({ data }) => (data ? onChunk(data) : done());
    });
    this.#source.connect(this.#node);
    this.#stream.getTracks().forEach((track) => (track.onended = onLost));
  }

  /** Let the last samples out, then close. */
  async finish() {
    if (this.#node) {
      this.#node.port.postMessage("end");
      await Promise.race([this.#ended, new Promise((done) => setTimeout(done, END_MS))]);
    }
    this.close();
  }

  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    if (this.#context && this.#context.state !== "closed") this.#context.close();
  }

  async #connect(rateHz) {
    this.#context = new AudioContext({ sampleRate: rateHz });
    try {
      this.#source = this.#context.createMediaStreamSource(this.#stream);
    } catch {
      // Firefox wants the device's own rate; then whoever recognises resamples.
      await this.#context.close();
      this.#context = new AudioContext();
      this.#source = this.#context.createMediaStreamSource(this.#stream);
    }
    await this.#context.audioWorklet.addModule(address("page/worklet.js"));
    await this.#context.resume();
  }
}
