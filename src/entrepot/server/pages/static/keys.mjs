// Single keys of pages, listed in the dialog #keys of every page, where they can be switched off; how menus close, and
// that a second click does not send a form again.
const OFF = "entrepot-keys-off", WAIT_MS = 1500;
const dialog = document.getElementById("keys"), box = document.getElementById("keys-on");
const PLACES = { h: "home", m: "models", d: "datasets", s: "spaces", n: "notifications" };
const THINGS = { "/": "search", t: "find", y: "permalink", ".": "edit" };
const ROWS = "main :is(.list > li > a.strong, .repo :is(h2, h3) > a, .files .name a)";
let lastG = -Infinity;

function isOn() {
  try { return localStorage.getItem(OFF) === null; } catch { return true; }
}

function use(name) {
  const found = document.querySelector(`[data-key="${name}"]`);
  if (found instanceof HTMLInputElement) { found.focus(); found.select(); } else found?.click();
  return Boolean(found);
}

function move(by) {
  const rows = [...document.querySelectorAll(ROWS)], at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  next?.focus();
  return Boolean(next);
}

function press(key) {
  const afterG = performance.now() - lastG < WAIT_MS;
  lastG = -Infinity;
  if (afterG && PLACES[key]) return use(PLACES[key]);
  if (key === "g") { lastG = performance.now(); return true; }
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  return key in THINGS && use(THINGS[key]);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing && typing !== box) return;
  if (event.key === "?" && isOn()) dialog.togglePopover();
  else if (!isOn() || dialog.matches(":popover-open") || !press(event.key)) return;
  event.preventDefault();
});

// Menus close with Escape and with a click elsewhere, whether single keys are used or not.
addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = menu.contains(event.target);
});

// A second click while a form is being sent does not send it again.
const sent = new Set();
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), 10_000);
});
addEventListener("pageshow", () => sent.clear());

box.checked = isOn();
box.addEventListener("change", () => {
  if (box.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
});
