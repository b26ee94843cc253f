// Upload by drag and drop: files of any size, as deduplicated chunks, with progress, pause and continuation.
// Without this script, or where browsers hide what it needs (plain http), the form of the page does the work.
const form = document.getElementById("upload"), at = id => document.getElementById(id), data = form.dataset;
const files = new Map(); // path: {blob, row, bar, state}
let stop = null, isForced = false;

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
  drop.onclick = () => { if (!stop) { row.remove(); files.delete(path); } };
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Progress of ${path}`);
  row.append(node("span", "path grow", path), bar, state, drop);
  at("queue").append(row);
  files.set(path, {blob, row, bar, state});
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

function mark(path, text, done) {
  const file = files.get(path);
  if (!file) return;
  file.state.textContent = text;
  if (done !== undefined) file.bar.value = done;
}

async function token() {
  const body = new URLSearchParams({csrf: form.elements.csrf.value});
  const answer = await fetch(form.action, {method: "POST", body, headers: {accept: "application/json"}});
  const made = await answer.json();
  if (!answer.ok) throw new Error(made.error);
  return made.accessToken;
}

// Sends what the client gives it, with progress. A block of chunks is sent only if the hub has not got it from an
// earlier attempt: the client makes the same blocks of the same files, but does not ask.
async function send(address, init, signal) {
  const [store, block] = `${address}`.split("/v1/xorbs/default/");
  if (block) {
    const known = await fetch(`${store}/v1/xorb-grants/default/${block}`, {method: "POST", headers: init.headers, signal});
    if (known.ok) return known;
  }
  if (!init?.progressHint) return fetch(address, {...init, signal});
  return new Promise((done, failed) => {
    const sent = new XMLHttpRequest();
    sent.open(init.method, address);
    for (const [name, value] of new Headers(init.headers)) sent.setRequestHeader(name, value);
    // All sent is not yet all stored.
    sent.upload.onprogress = event => init.progressHint.progressCallback(Math.min(event.loaded / event.total, 0.999));
    sent.onload = () => done(new Response(sent.responseText, {
      status: sent.status,
      headers: sent.getAllResponseHeaders().trim().split("\r\n").map(line => line.split(/: (.*)/, 2)),
    }));
    sent.onerror = () => failed(new TypeError());
    sent.onabort = () => failed(new DOMException("Aborted", "AbortError"));
    signal.addEventListener("abort", () => sent.abort());
    sent.send(init.body);
  });
}

async function* upload(signal) {
  const {commitIter} = await import("./vendor/huggingface-hub/index.mjs");
  const folder = form.elements.folder.value.trim().replace(/^\/+|\/+$/g, "");
  const paths = new Map([...files].map(([path, file]) => [folder ? `${folder}/${path}` : path, path]));
  const isPull = form.elements.how.value === "pull";
  const events = commitIter({
    repo: {type: data.kind, name: data.repo},
    accessToken: await token(),
    hubUrl: location.origin + data.root,
    fetch: (address, init) => send(address, init, signal),
    operations: [...paths].map(([path, name]) => ({operation: "addOrUpdate", path, content: files.get(name).blob})),
    title: form.elements.summary.value.trim() || data.suggested,
    description: form.elements.description.value,
    branch: data.branch,
    isPullRequest: isPull,
    ...(isForced ? {} : {parentCommit: form.elements.parent.value}),
    abortSignal: signal,
  });
  for (;;) {
    const {done, value} = await events.next();
    if (done) return value;
    yield value.path ? {...value, path: paths.get(value.path)} : value;
  }
}

async function run() {
  if (!files.size) return say("bad", "Choose at least one file, or drag it here.");
  const mine = (stop = new AbortController());
  at("send").disabled = true;
  at("pause").hidden = false;
  try {
    // A request that hangs does not keep a pause waiting; what runs before the commit commits nothing.
    const paused = new Promise((_, failed) => mine.signal.addEventListener("abort", failed));
    const events = upload(mine.signal);
    for (;;) {
      const {done, value} = await Promise.race([events.next(), paused]);
      if (done) {
        stop = null;
        const pull = value?.pullRequestUrl;
        return location.assign(pull ? new URL(pull).pathname : data.done);
      }
      at("pause").hidden = value.phase === "committing";
      if (value.event === "fileProgress") mark(value.path, `${value.state} ${Math.round(value.progress * 100)} %`, value.progress);
      else say("info", {preuploading: "Asking what is there already", uploadingLargeFiles: "Sending", committing: "Committing"}[value.phase]);
    }
  } catch (error) {
    if (mine.signal.aborted) say("", "Paused. Nothing is committed yet.");
    else if (error.statusCode === 412) {
      isForced = true;
      say("warn", "Others have committed since you opened this page. Look at the commits first: Continue replaces files of the same name.");
    } else {
      const why = error instanceof TypeError ? "The connection to the hub was lost." : error.message || error;
      say("bad", `${why} Continue sends what is missing: blocks of up to 64 MiB that have arrived are not sent again.`);
    }
    at("send").textContent = "Continue";
  } finally {
    if (stop) {
      stop = null;
      at("send").disabled = false;
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
      for (const file of input.files) add(file.webkitRelativePath || file.name, file);
      input.value = "";
    };
  for (const name of ["dragenter", "dragover"])
    drop.addEventListener(name, event => { event.preventDefault(); drop.classList.add("on"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("on"));
  drop.addEventListener("drop", async event => {
    event.preventDefault();
    const entries = [...event.dataTransfer.items].filter(item => item.kind === "file").map(item => [item.webkitGetAsEntry?.(), item.getAsFile()]);
    for (const [entry, file] of entries) await (entry ? addEntry(entry, "") : add(file.name, file));
  });
  form.addEventListener("submit", event => { event.preventDefault(); if (!stop) run(); });
  at("pause").onclick = () => stop?.abort();
  addEventListener("beforeunload", event => { if (stop) event.preventDefault(); });
}
