// Makes and uses passkeys; without this script people sign in with their password.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  async function send(address, body) {
    const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    return said;
  }

  function said(credential) {
    const { response } = credential;
    const parts = { clientDataJSON: text(response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) parts[name] = text(response[name]);
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: parts };
  }

  async function make(form) {
    const { key, options } = await send("/account/passkeys/options", {});
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    for (const one of options.excludeCredentials) one.id = bytes(one.id);
    const credential = await navigator.credentials.create({ publicKey: options });
    return send("/account/passkeys", { key, title: form.elements.title.value, credential: said(credential) });
  }

  async function use(form) {
    const { key, options } = await send("/sign-in/passkey/options", {});
    options.challenge = bytes(options.challenge);
    const credential = await navigator.credentials.get({ publicKey: options });
    return send("/sign-in/passkey", { key, next: form.elements.next.value, credential: said(credential) });
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const trouble = form.querySelector("[role=alert]");
      trouble.hidden = true;
      try {
        location.assign((await (form.dataset.passkey === "make" ? make(form) : use(form))).next);
      } catch (error) {
        console.info(error);
        trouble.hidden = false;
      }
    });
  }
})();
