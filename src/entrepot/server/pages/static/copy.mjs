// Adds a button that copies to every command of a page, and to every block of code of a card or a comment.
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

async function copy(code) {
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent.trimEnd());
  getSelection().selectAllChildren(code);  // over http, except on the machine itself
  if (!document.execCommand("copy")) throw new Error("not copied");
  getSelection().removeAllRanges();
}

function add(pre) {
  const button = document.createElement("button"), said = document.createElement("span");
  const about = pre.getAttribute("aria-label");
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
  pre.after(button, said);
}

for (const pre of document.querySelectorAll(".prose pre")) {
  const box = document.createElement("div");
  box.className = "snip";
  pre.replaceWith(box);
  box.append(pre);
}
for (const pre of document.querySelectorAll(".snip > pre")) add(pre);
