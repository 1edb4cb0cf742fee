// What the controls of the page do; the work is done in the other modules.

import { Detections } from "./detections.js";
import { clock, milliseconds, score as asText } from "./format.js";
import { Listening } from "./listening.js";
import { listenTo, predict } from "./recording.js";
import { Scores, ranking } from "./scores.js";
import { ask, keepToken, Unauthorised } from "./server.js";
import { levelDb } from "./sound.js";
import { Spectrogram } from "./spectrogram.js";

const QUIETEST_DB = -60;
const FALL_DB = 1.5; // of the level meter, with every chunk
const READ_EVERY_MS = 200;
const ANSWERS = 5;

const $ = (id) => document.getElementById(id);
const spectrogram = new Spectrogram($("spectrogram"));
const scores = new Scores($("scores"));
const detections = new Detections({
  list: $("log"), announcer: $("announcer"), empty: $("log-empty"), clear: $("clear"),
});

const state = {
  catalog: [], // of /page/models.json
  runtimeThere: false, // whether onnxruntime-web came with the server
  model: null, // the version that is chosen, with its name
  threshold: null, // null: each label its own
  inBrowser: false,
  listening: null,
};

async function begin() {
  try {
    const { models, in_browser: there } = await ask("page/models.json");
    [state.catalog, state.runtimeThere] = [models, there];
    $("token-form").hidden = true;
    fillModels();
    if (!state.model) tell("This server has no model that answers.", { problem: true });
  } catch (error) {
    $("token-form").hidden = !(error instanceof Unauthorised);
    if (error instanceof Unauthorised) $("token").focus();
    tell(error.message, { problem: true });
  }
}

// Models and versions

function fillModels() {
  const chosen = $("model").value;
  fill($("model"), state.catalog.map(({ name }) => [name, name]), chosen);
  fillVersions();
}

function fillVersions() {
  const found = state.catalog.find(({ name }) => name === $("model").value);
  const named = ({ version, version_labels: names }) => [String(version), [version, ...names].join(" · ")];
  fill($("version"), (found?.versions ?? []).map(named), $("version").value);
  choose();
}

function fill(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

function choose() {
  const found = state.catalog.find(({ name }) => name === $("model").value);
  const version = found?.versions.find(({ version }) => String(version) === $("version").value);
  state.model = version ? { name: found.name, ...version } : null;
  state.threshold = null;
  $("answer").replaceChildren();
  if (!version) return;
  scores.reset(version.labels, version.thresholds);
  showThreshold();
  spectrogram.reset(version.rate_hz ?? 16000);
  caption(version.rate_hz);
  setInBrowser(state.inBrowser && version.streams && state.runtimeThere);
  show();
  if (version.problem) tell(version.problem, { problem: true });
  else tell(version.streams ? "The microphone is off." : "This model does not stream: give it a recording.");
}

// Listening

async function toggle() {
  if (state.listening) await stop();
  else await start();
}

async function start() {
  const model = state.model;
  const listening = new Listening(model, {
    inBrowser: state.inBrowser,
    handlers: { heard, scores: (_, values) => scores.show(values), detection: detected, ended },
  });
  state.listening = listening;
  show();
  tell("Asking for the microphone …");
  try {
    await listening.start({ processing: processing(), threshold: state.threshold });
    if (listening.over) return;
    spectrogram.reset(listening.rateHz);
    caption(listening.rateHz);
    tell("Listening.");
  } catch (error) {
    if (state.listening === listening) ended(error.message);
  }
}

async function stop() {
  show({ busy: true });
  await state.listening?.stop();
  over();
  tell("The microphone is off.");
}

/** The stream ended by itself. */
function ended(text) {
  over();
  tell(text, { problem: true });
}

function over() {
  state.listening = null;
  detections.collect({ over: true });
  level = QUIETEST_DB;
  showLevel();
  scores.show(state.model.labels.map(() => 0));
  show();
}

/** Another model, engine or microphone: what listens begins anew with it. */
async function change(what) {
  const listened = state.listening !== null;
  if (listened) await stop();
  what();
  if (listened && state.model?.streams) await start();
}

/** What can be done now; `busy` while a stream is being ended. */
function show({ busy = false } = {}) {
  const streams = state.model?.streams ?? false;
  const on = state.listening !== null;
  $("listen").textContent = on ? "Stop" : "Listen";
  $("listen").classList.toggle("on", on);
  $("listen").disabled = busy || !streams;
  $("threshold").disabled = !streams;
  $("private").disabled = busy || !streams || !state.runtimeThere;
  $("processing").disabled = busy;
  for (const select of [$("model"), $("version")]) select.disabled = busy || select.options.length < 2;
}

function caption(rateHz) {
  $("caption").textContent = rateHz ? `0 to ${rateHz / 2000} kHz` : "";
}

let level = QUIETEST_DB;
let read = 0;

function heard(chunk) {
  spectrogram.push(chunk);
  detections.collect();
  level = Math.max(QUIETEST_DB, level - FALL_DB, levelDb(chunk));
  $("level").firstElementChild.style.transform = `scaleX(${1 - level / QUIETEST_DB})`;
  if (performance.now() - read < READ_EVERY_MS) return;
  read = performance.now();
  showLevel();
  $("heard").textContent = clock(state.listening.heardMs);
  const latency = state.listening.latency.summary();
  if (!latency) return;
  $("latency").textContent = milliseconds(latency.median);
  $("latency-worst").textContent = milliseconds(latency.worst);
}

function showLevel() {
  const text = level > QUIETEST_DB ? `${Math.round(level)} dB` : "silence";
  $("level").firstElementChild.style.transform = `scaleX(${1 - level / QUIETEST_DB})`;
  $("level").setAttribute("aria-valuenow", String(Math.round(level)));
  $("level").setAttribute("aria-valuetext", text);
  $("level-text").textContent = text;
}

function detected(detection, sound) {
  detections.add(detection, sound);
  spectrogram.mark(detection.name, detection.timestamp);
}

// Threshold, engine, processing

function setThreshold(threshold) {
  state.threshold = threshold;
  showThreshold();
  state.listening?.setThreshold(threshold);
}

function showThreshold() {
  const { threshold, thresholds } = state.model;
  const shown = state.threshold ?? threshold;
  $("threshold").value = shown;
  $("threshold-text").textContent = asText(shown);
  $("own-threshold").disabled = state.threshold === null;
  scores.setThresholds(thresholds.map((own) => (own === null ? null : state.threshold ?? own)));
}

function setInBrowser(wanted) {
  state.inBrowser = wanted;
  $("private").setAttribute("aria-pressed", String(wanted));
  $("where").textContent = wanted ? "in this browser" : "on the server";
  const why = state.runtimeThere ? "" : "Recognition in the browser needs onnxruntime-web, which this server came without.";
  $("private-note").textContent = wanted ? "Microphone and recordings are heard in this browser; no audio is sent." : why;
  $("private-note").hidden = !$("private-note").textContent || !state.model?.streams;
}

function processing() {
  const boxes = [...$("processing").querySelectorAll("input")];
  return Object.fromEntries(boxes.map(({ name, checked }) => [name, checked]));
}

// Recordings

async function answer(file) {
  const { model } = state;
  const place = $("answer");
  if (!model || !file) return;
  place.replaceChildren(line("p", "note", `Listening to ${file.name} …`));
  try {
    if (state.inBrowser) {
      const { detections: found, scores: best } = await listenTo(model, file, state);
      const said = found.map(({ name, timestamp }) => `${name} at ${clock(timestamp)}`).join(", ");
      const note = `${file.name}, heard in this browser; the highest score of each label:`;
      place.replaceChildren(line("strong", "", said || "Nothing detected"), line("p", "note", note), top(best));
    } else {
      const { label, scores: best } = await predict(model, file);
      place.replaceChildren(line("strong", "", label), line("p", "note", file.name), top(best));
    }
  } catch (error) {
    place.replaceChildren(line("p", "problem", error.message));
  }
}

const top = (best) => ranking(best.slice(0, ANSWERS));

function line(tag, kind, text) {
  const made = document.createElement(tag);
  made.className = kind;
  made.textContent = text;
  return made;
}

function tell(text, { problem = false } = {}) {
  $("status").textContent = text.charAt(0).toUpperCase() + text.slice(1);
  $("status").classList.toggle("problem", problem);
}

// Events

$("listen").addEventListener("click", toggle);
$("model").addEventListener("change", () => change(fillVersions));
$("version").addEventListener("change", () => change(choose));
$("private").addEventListener("click", () => change(() => setInBrowser(!state.inBrowser)));
$("threshold").addEventListener("input", () => setThreshold(Number($("threshold").value)));
$("own-threshold").addEventListener("click", () => setThreshold(null));
// A running microphone takes other settings only when it is opened again.
$("processing").addEventListener("change", () => change(() => {}));
$("file").addEventListener("change", () => answer($("file").files[0]));
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken($("token").value);
  begin();
});
document.querySelector(".pick").addEventListener("submit", (event) => event.preventDefault());
// A file may be dropped anywhere: a browser that opened it instead would leave the page.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  answer(event.dataTransfer.files[0]);
});
addEventListener("focus", () => {
  // New versions appear while the page is in the background.
  if (!state.listening && state.catalog.length) refresh();
});

async function refresh() {
  const before = JSON.stringify(state.catalog);
  const { models } = await ask("page/models.json").catch(() => ({ models: state.catalog }));
  if (state.listening || JSON.stringify(models) === before) return;
  state.catalog = models;
  fillModels();
}

begin();
