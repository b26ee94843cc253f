// Adds a button that copies to every command of a page, to every block of code of a card or a comment, and to a file
// that is shown as text; there it also marks the lines that an address such as #L5-L9 names.
const icons = new URL("icons.svg", import.meta.url).pathname;

function picture(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${icons}#${name}`);
  svg.append(use);
  return svg;
}

function textOf(table) {  // in an element of its own: the cells of a table would be copied with tabs between them
  const text = document.createElement("pre");
  text.textContent = [...table.rows].map((row) => row.lastElementChild.textContent).join("\n");
  return text;
}

function mark(table) {
  const found = /^#L(\d+)-L(\d+)$/.exec(location.hash);
  const [first, last] = (found ?? []).slice(1).map(Number).sort((one, other) => one - other);
  for (const row of table.rows) {
    const line = Number(row.id.slice(1));
    row.classList.toggle("mk", line >= first && line <= last);
  }
  if (found) document.getElementById(`L${first}`)?.scrollIntoView({ block: "center" });
}

function choose(event) {
  const begun = /^#L(\d+)/.exec(location.hash), link = event.target.closest(".ln a");
  if (!event.shiftKey || !begun || !link) return;
  event.preventDefault();
  location.hash = `L${begun[1]}-${link.hash.slice(1)}`;
}

async function copy(element) {
  const code = element instanceof HTMLTableElement ? textOf(element) : element;
  if (code === element) return copyText(code);
  document.body.append(code);
  return copyText(code).finally(() => code.remove());
}

async function copyText(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent.trimEnd());
  getSelection().selectAllChildren(code);  // over http, except on the machine itself
  if (!document.execCommand("copy")) throw new Error("not copied");
  getSelection().removeAllRanges();
}

function add(pre, place = pre) {
  const button = document.createElement("button"), said = document.createElement("span");
  const about = pre.getAttribute("aria-label") ?? pre.caption?.textContent;
  button.type = "button";
  button.className = "copy";
  button.title = "Copy";
  button.setAttribute("aria-label", about ? `Copy: ${about}` : "Copy the code");
  button.append(picture("copy"));
  said.className = "vh";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    const isCopied = await copy(pre).then(() => true, () => false);
    said.textContent = isCopied ? "Copied" : "Not copied: select the text and copy it yourself";
    button.replaceChildren(picture(isCopied ? "check" : "alert"));
    setTimeout(() => { button.replaceChildren(picture("copy")); said.textContent = ""; }, 2000);
  });
  place.after(button, said);
}

for (const pre of document.querySelectorAll(".prose pre")) {
  const box = document.createElement("div");
  box.className = "snip";
  pre.replaceWith(box);
  box.append(pre);
}
for (const pre of document.querySelectorAll(".snip > pre")) add(pre);
const shown = document.querySelector("table.code[data-lines]");
if (shown) {
  add(shown, document.getElementById("tools").lastElementChild);
  mark(shown);
  addEventListener("hashchange", () => mark(shown));
  shown.addEventListener("click", choose);
}
