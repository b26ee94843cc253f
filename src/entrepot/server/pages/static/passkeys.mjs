// Passkeys: asks the authenticator when one of the page's forms is sent, and sends its answer with the form.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function options(form) {
  const fields = new URLSearchParams(new FormData(form));
  fields.delete("credential");
  const answer = await fetch(form.dataset.options, {method: "POST", body: fields, headers: {accept: "application/json"}});
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  found.challenge = bytes(found.challenge);
  if (found.user) found.user.id = bytes(found.user.id);
  for (const known of found.excludeCredentials ?? []) known.id = bytes(known.id);
  return found;
}

async function ask(form) {
  const publicKey = await options(form);
  const made = await navigator.credentials[form.dataset.passkey]({publicKey});
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (made.response[name]) response[name] = text(made.response[name]);
  return JSON.stringify({id: made.id, rawId: text(made.rawId), type: made.type, response});
}

const why = error => error.name === "NotAllowedError" ? "It was cancelled, or took too long. Try again."
  : error.name === "InvalidStateError" ? "This authenticator has a passkey for this account already." : error.message;

for (const form of window.PublicKeyCredential ? document.querySelectorAll("form[data-passkey]") : []) {
  const said = form.querySelector("[role=status]"), button = form.querySelector("button");
  form.hidden = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "Follow what your browser asks.";
    try {
      form.elements.credential.value = await ask(form);
      form.submit();
    } catch (error) {
      said.textContent = why(error);
      button.disabled = false;
    }
  });
}
