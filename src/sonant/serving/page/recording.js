// A sound file: answered by the server, or heard as a stream in the browser, where no audio may leave.

import { BrowserEngine } from "./browser_engine.js";
import { ask } from "./server.js";

const MOST_BYTES = 40e6; // base64 makes a third more of it, and the server has a limit
const BLOCK = 1 << 14;

/** The server's answer to a file -> {label, scores: [{label, score}]}, the most probable first. */
export async function predict({ name, version, labels }, file) {
  if (file.size > MOST_BYTES) throw new Error("The file is too long; at most 40 MB are sent.");
  const path = `v1/models/${encodeURIComponent(name)}/versions/${version}:predict`;
  const body = { signature_name: "wav", instances: [{ b64: await base64(file) }] };
  const { predictions } = await ask(path, { body });
  return { label: predictions[0].label, scores: ranked(labels, predictions[0].scores) };
}

/** The same file through the step graph in this browser -> {detections, scores}: each label's highest. */
export async function listenTo(model, file, { threshold }) {
  const highest = model.labels.map(() => 0);
  const detections = [];
  let fault = "";
  const engine = new BrowserEngine(model, {
    scores: (_, values) => values.forEach((value, at) => (highest[at] = Math.max(highest[at], value))),
    detection: (detection) => detections.push(detection),
    failed: (text) => (fault = text),
  });
  const samples = await decoded(file, model.rate_hz);
  await engine.open();
  engine.begin({ rateHz: model.rate_hz, threshold });
  for (let at = 0; at < samples.length; at += BLOCK) engine.push(samples.subarray(at, at + BLOCK));
  await engine.finish();
  if (fault) throw new Error(fault);
  return { detections, scores: ranked(model.labels, highest) };
}

/** Any file that the browser can read, as 16-bit mono samples. */
async function decoded(file, rateHz) {
  const context = new OfflineAudioContext({ length: 1, sampleRate: rateHz });
  let sound;
  try {
    sound = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(`This browser cannot read ${file.name} as sound.`);
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, n) => sound.getChannelData(n));
  return Int16Array.from({ length: sound.length }, (_, at) => {
    const mean = channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length;
    return Math.min(Math.max(Math.round(mean * 32768), -32768), 32767);
  });
}

function ranked(labels, scores) {
  const pairs = labels.map((label, at) => ({ label, score: scores[at] }));
  return pairs.sort((one, other) => other.score - one.score);
}

function base64(file) {
  return new Promise((read, failed) => {
    const reader = new FileReader();
    reader.onload = () => read(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}
