// The transfer of an upload: reads files, divides them into chunks and sends what the hub lacks. It runs in a worker of
// its own, so that the page answers while it works; where browsers lack such workers, the page calls `transfer` itself.
import {commitIter} from "./vendor/huggingface-hub/index.mjs";

const PAUSES_S = [1, 4, 10, 30, 60]; // before what was interrupted is sent again: longer than a hub takes to restart
const AWAY = [502, 503, 504]; // what a hub or the proxy before it answers meanwhile
const EVERY_MS = 100;

const sleep = (seconds, signal) => new Promise((done, failed) => {
  setTimeout(done, 1000 * seconds);
  signal?.addEventListener("abort", failed);
});

// Sends what the client gives it, with progress, and again while the hub is away. A commit is sent once: it may have
// been made although its answer was lost. `onWay` keeps how many bytes of a body have been sent, of a block until all of
// it is stored.
async function send(address, init, signal, tell, onWay) {
  const pauses = /\/commit\/[^/]+$/.test(`${address}`) ? [] : PAUSES_S;
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await sendOnce(address, init, signal, onWay);
      if (attempt === pauses.length || !AWAY.includes(answer.status)) return answer;
    } catch (error) {
      if (attempt === pauses.length || !(error instanceof TypeError)) throw error;
    } finally {
      onWay.delete(address);
    }
    tell({again: pauses[attempt]});
    await sleep(pauses[attempt], signal);
  }
}

// A block of chunks is sent only if the hub has not got it from an earlier attempt: the client makes the same blocks of
// the same files, but does not ask.
async function sendOnce(address, init, signal, onWay) {
  const [store, block] = `${address}`.split("/v1/xorbs/default/");
  if (!block) return init?.progressHint ? post(address, init, signal, onWay) : fetch(address, {...init, signal});
  const grant = `${store}/v1/xorb-grants/default/${block}`;
  const known = await fetch(grant, {method: "POST", headers: init.headers, signal});
  const answer = known.ok || AWAY.includes(known.status) ? known : await post(address, init, signal, onWay);
  if (answer.ok) for (const share of [1, NaN]) init.progressHint?.progressCallback(share); // NaN: all of it is stored
  return answer;
}

function post(address, init, signal, onWay) {
  return new Promise((done, failed) => {
    const sent = new XMLHttpRequest();
    sent.open(init.method, address);
    for (const [name, value] of new Headers(init.headers)) sent.setRequestHeader(name, value);
    // All sent is not yet all stored.
    sent.upload.onprogress = event => {
      onWay.set(address, event.loaded);
      init.progressHint.progressCallback(Math.min(event.loaded / event.total, 0.999));
    };
    sent.onload = () => done(new Response(sent.responseText, {
      status: sent.status,
      headers: sent.getAllResponseHeaders().trim().split("\r\n").map(line => line.split(/: (.*)/, 2)),
    }));
    sent.onerror = () => failed(new TypeError());
    sent.onabort = () => failed(new DOMException("Aborted", "AbortError"));
    signal?.addEventListener("abort", () => sent.abort());
    sent.send(init.body);
  });
}

// Commits the files of a task and returns the address of the pull request, if there is one. `tell` receives the phase,
// the seconds until what was interrupted is sent again, or the files that have advanced (state, and the shares that are
// read, divided or sent, and stored) with the number of bytes that are on the way.
export async function transfer({files, ...task}, tell, signal) {
  const known = new Map(), fresh = new Set(), onWay = new Map();
  let toldAt = 0, current = "";
  const report = () => {
    const moving = [...onWay.values()].reduce((all, bytes) => all + bytes, 0);
    if (fresh.size) tell({files: [...fresh].map(path => ({path, ...known.get(path)})), moving});
    fresh.clear();
    toldAt = performance.now();
  };
  const note = ({path, state, progress}) => {
    const file = known.get(path) ?? {sent: 0, stored: 0, read: 0}, isNew = file.state !== state;
    known.set(path, file);
    fresh.add((current = path));
    file.state = state;
    if (state === "hashing") file.read = progress;
    else if (Number.isNaN(progress)) file.stored = file.sent;
    else file.sent = progress;
    if (isNew || performance.now() - toldAt > EVERY_MS) report();
  };
  // A request that hangs does not keep a pause waiting; what runs before the commit commits nothing.
  const paused = new Promise((_, failed) => signal?.addEventListener("abort", () => failed(signal.reason)));
  try {
    const events = commitIter({
      ...task,
      operations: files.map(([path, content]) => ({operation: "addOrUpdate", path, content})),
      fetch: (address, init) => send(address, init, signal, tell, onWay),
      abortSignal: signal,
    });
    for (;;) {
      const {done, value} = await Promise.race([events.next(), paused]);
      if (done) return {pull: value?.pullRequestUrl};
      if (value.event === "phase") tell({phase: value.phase});
      else note(value);
    }
  } catch (error) {
    const {name, message, statusCode} = error ?? {};
    throw {name, message, statusCode, path: current};
  } finally {
    report();
  }
}

if (globalThis.DedicatedWorkerGlobalScope && globalThis instanceof DedicatedWorkerGlobalScope) {
  onmessage = async ({data}) => {
    try {
      postMessage({value: await transfer(data, event => postMessage({event}))});
    } catch (failed) {
      postMessage({failed});
    }
  };
  postMessage({isReady: true});
}
