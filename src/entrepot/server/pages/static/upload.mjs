// Upload by drag and drop: files of any size, as deduplicated chunks, with progress, pause and continuation. This
// script shows; upload-client.mjs sends, in a worker.
// Without this script, or where browsers hide what it needs (plain http), the form of the page does the work.
const form = document.getElementById("upload"), at = id => document.getElementById(id), data = form.dataset;
const files = new Map(); // path: {blob, row, bar, state, read, done, stored}
let stop = null, isForced = false, names = new Map(), past = [], phaseText = "", moving = 0;

const node = (name, className, text) => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text ?? "";
  return made;
};
const size = bytes => {
  let unit = 0;
  for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
  return `${unit ? bytes.toPrecision(3) : bytes} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
};
const say = (tone, text) => {
  if (at("said").textContent === text) return;
  const note = node("div", `note ${tone}`);
  note.append(node("div", "", text));
  at("said").replaceChildren(...(text ? [note] : []));
};

function add(path, blob) {
  if (stop) return;
  files.get(path)?.row.remove();
  const row = node("li", ""), bar = node("progress", ""), state = node("span", "soft small nowrap", size(blob.size));
  const drop = node("button", "btn bare sm", "Remove");
  drop.type = "button";
  drop.setAttribute("aria-label", `Remove ${path}`);
  drop.onclick = () => { if (!stop) { row.remove(); files.delete(path); count(); } };
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Progress of ${path}`);
  row.append(node("span", "path grow", path), bar, state, drop);
  at("queue").append(row);
  files.set(path, {blob, row, bar, state, read: 0, done: 0, stored: 0});
}

async function addEntry(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) return add(path, await new Promise((done, failed) => entry.file(done, failed)));
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const inner of some) await addEntry(inner, `${path}/`);
  }
}

// What is known of the transfer, per file: the shares that are read, divided or sent, and stored.
function show(path, {state, sent, stored, read}) {
  const file = files.get(path);
  if (!file) return;
  file.read = state === "hashing" ? read : 1;
  file.stored = Math.max(file.stored, stored);
  file.done = Math.max(file.stored, sent);
  file.bar.value = file.done;
  file.state.textContent = file.done === 1 ? size(file.blob.size)
    : state === "hashing" ? `reading ${Math.round(read * 100)} %`
    : `${size(file.blob.size * file.done)} of ${size(file.blob.size)}`;
}

const total = share => [...files.values()].reduce((all, file) => all + file.blob.size * share(file), 0);
const duration = seconds => seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

function sum() {
  const all = total(() => 1), now = performance.now();
  // Only bytes that have left this computer, or need not, say how long the rest takes: reading is much faster.
  const sent = Math.min(all, total(file => file.done === 1 ? 1 : file.stored) + moving);
  at("bar").value = all ? total(file => file.done) / all : 0;
  if (!sent && total(file => file.read)) {
    past = [];
    at("sum").textContent = `${size(Math.round(total(file => file.read)))} of ${size(all)} read, nothing sent yet`;
    return;
  }
  past.push([now, sent]);
  // Blocks of up to 64 MiB are sent in bursts, with reading in between: the rate is that of the last minute.
  while (past.length > 2 && now - past[0][0] > 60_000) past.shift();
  const since = now - past[0][0], rate = since < 5_000 ? 0 : (sent - past[0][1]) / since * 1000;
  at("sum").textContent = `${size(Math.round(sent))} of ${size(all)}` + (rate > 1 && sent < all ? `, ${size(rate)}/s, ${duration((all - sent) / rate)} left` : "");
}

// What is chosen, before anything is sent.
function count() {
  at("total").hidden = !files.size;
  at("sum").textContent = `${files.size.toLocaleString("en")} file${files.size === 1 ? "" : "s"}, ${size(total(() => 1))}`;
  const isMuch = data.left && total(() => 1) > +data.left;
  say("warn", isMuch ? `This is more than the quota has left: ${size(+data.left)}. What the hub stores already counts as well.` : "");
}

// What rows say when nothing is being sent: only what the hub has stored.
function settle() {
  moving = 0;
  for (const file of files.values()) {
    file.read = 0;
    file.done = file.bar.value = file.stored;
    file.state.textContent = file.stored ? `${size(file.blob.size * file.stored)} of ${size(file.blob.size)} stored` : size(file.blob.size);
  }
  past = [];
  sum();
}

async function token() {
  const body = new URLSearchParams({csrf: form.elements.csrf.value});
  const answer = await fetch(form.action, {method: "POST", body, headers: {accept: "application/json"}});
  const made = await answer.json();
  if (!answer.ok) throw {message: made.error, statusCode: answer.status};
  return made.accessToken;
}

// Runs a task in a worker, or in this page if the browser has no module workers; returns how to stop it, and its result.
function start(task, tell) {
  const place = new URL("upload-client.mjs", import.meta.url), abort = new AbortController();
  const here = async () => (await import(place)).transfer(task, tell, abort.signal);
  let worker;
  try {
    worker = new Worker(place, {type: "module"});
  } catch {
    return {stop: () => abort.abort(), result: here()};
  }
  const result = new Promise((done, failed) => {
    let isReady = false;
    worker.onmessage = ({data: {event, failed: why, value}}) => {
      if (!isReady) worker.postMessage(task);
      isReady = true;
      if (event) tell(event);
      else if (why) failed(why);
      else if (value) done(value);
    };
    worker.onerror = event => {
      if (isReady) return failed({message: event.message});
      event.preventDefault();
      here().then(done, failed);
    };
    abort.signal.addEventListener("abort", () => failed({name: "AbortError"}));
  });
  return {stop: () => abort.abort(), result: result.finally(() => worker.terminate())};
}

async function makeTask() {
  const folder = form.elements.folder.value.trim().replace(/^\/+|\/+$/g, ""), isPull = form.elements.how.value === "pull";
  names = new Map([...files.keys()].map(path => [folder ? `${folder}/${path}` : path, path]));
  return {
    repo: {type: data.kind, name: data.repo},
    accessToken: await token(),
    hubUrl: location.origin + data.root,
    files: [...names].map(([path, name]) => [path, files.get(name).blob]),
    title: form.elements.summary.value.trim() || data.suggested,
    description: form.elements.description.value,
    branch: data.branch,
    isPullRequest: isPull,
    ...(isForced ? {} : {parentCommit: form.elements.parent.value}),
  };
}

// What to do about a failure, in words: which file, what happened, and the cure.
function explain({name, message, statusCode, path}) {
  const file = names.get(path), about = file ? `${file}: ` : "", rest = "Try again sends only what is missing.";
  if (name === "NotReadableError" || name === "NotFoundError") return `${about}this file was changed, moved or deleted on your computer. Remove it from the list and choose it again.`;
  if (name === "TypeError") return `${about}the connection to the hub was lost. ${rest} Blocks of up to 64 MiB that have arrived are not sent again.`;
  if (statusCode === 401) return `${about}you are signed out. Sign in in another tab, then try again. ${rest}`;
  if (statusCode >= 500 && statusCode !== 507) return `${about}the hub could not answer (${message || statusCode}). Wait a minute. ${rest}`;
  // The vendored client puts words of its own around what the hub says.
  const said = (message || "the upload failed").replace(/^Error while doing LFS batch call for .*?: (?=\S)/s, "").replace(/(?:\. URL: \S*?)?(?:\.| -) Request ID: \S*$|\. URL: \S*$/, "");
  return `${about}${said}. ${statusCode === 413 ? "Sending it again does not help before that." : rest}`.replace("..", ".");
}

const READING = "Reading the files, to find out what the hub stores already.", SENDING = "Sending.";

function hear({phase, files: some, again, moving: bytes}) {
  if (again) return say("warn", `The connection to the hub was lost. Trying again in ${again} s.`);
  for (const file of some ?? []) show(names.get(file.path), file);
  if (some) {
    moving = bytes;
    sum();
    if (phaseText === READING && (bytes || some.some(file => file.stored))) phaseText = SENDING;
  }
  if (!phase) return phaseText && say("info", phaseText);
  at("pause").hidden = at("cancel").hidden = phase === "committing";
  phaseText = {preuploading: "Asking what is there already.", uploadingLargeFiles: READING, committing: "Committing."}[phase];
  say("info", phaseText);
}

async function run() {
  if (!files.size) return say("bad", "Choose at least one file, or drag it here.");
  let isPaused = false, task;
  stop = () => { isPaused = true; task?.stop(); };
  at("send").disabled = true;
  at("pause").hidden = at("total").hidden = false;
  say("info", "Preparing.");
  settle();
  try {
    const made = await makeTask();
    if (isPaused) throw {};
    task = start(made, event => isPaused || hear(event));
    const {pull} = await task.result;
    stop = null;
    return location.assign(pull ? new URL(pull).pathname : data.done);
  } catch (error) {
    if (!stop) return;
    settle();
    at("send").textContent = isPaused ? "Continue" : "Try again";
    if (isPaused) say("", "Paused. Nothing is committed yet.");
    else if (error.statusCode === 412) {
      isForced = true;
      at("send").textContent = "Replace";
      say("warn", "Others have committed since you opened this page. Look at the commits first: Replace overwrites files of the same name.");
    } else say("bad", explain(error));
  } finally {
    if (stop) {
      stop = null;
      phaseText = "";
      at("send").disabled = false;
      at("cancel").hidden = false;
      at("pause").hidden = true;
    }
  }
}

if (isSecureContext && "WebAssembly" in window) {
  const drop = at("drop");
  drop.hidden = false;
  at("limit").hidden = true;
  for (const input of form.querySelectorAll("input[type=file]"))
    input.onchange = () => {
      const chosen = [...input.files].map(file => [file.webkitRelativePath || file.name, file]);
      for (const [path, file] of chosen.sort(([a], [b]) => a < b ? -1 : 1)) add(path, file);
      input.value = "";
      if (!stop) count();
    };
  for (const name of ["dragenter", "dragover"])
    drop.addEventListener(name, event => { event.preventDefault(); drop.classList.add("on"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("on"));
  drop.addEventListener("drop", async event => {
    event.preventDefault();
    const entries = [...event.dataTransfer.items].filter(item => item.kind === "file").map(item => [item.webkitGetAsEntry?.(), item.getAsFile()]);
    for (const [entry, file] of entries) await (entry ? addEntry(entry, "") : add(file.name, file));
    if (!stop) count();
  });
  form.addEventListener("submit", event => { event.preventDefault(); if (!stop) run(); });
  at("pause").onclick = () => stop?.();
  at("cancel").addEventListener("click", () => { const end = stop; stop = null; end?.(); });
  addEventListener("beforeunload", event => { if (stop) event.preventDefault(); });
}
