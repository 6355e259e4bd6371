// Passkeys in the gateway's own forms: a button asks the browser, what it answers is sent with the form.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const decoded = (options) => {
    const listed = (ids) => (ids || []).map((each) => ({ ...each, id: bytes(each.id) }));
    const known = { ...options, challenge: bytes(options.challenge) };
    if (options.user) known.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) known.excludeCredentials = listed(options.excludeCredentials);
    if (options.allowCredentials) known.allowCredentials = listed(options.allowCredentials);
    return known;
  };

  const encoded = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };

  const ask = async (form) => {
    const publicKey = decoded(JSON.parse(form.dataset.options));
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    form.elements.namedItem("assertion").value = encoded(credential);
    HTMLFormElement.prototype.submit.call(form);
  };

  const problems = {
    InvalidStateError: "This device has a passkey for you already.",
    NotAllowedError: "Nothing was confirmed in time. Please try again.",
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("[data-passkey-button]");
    const problem = form.querySelector("[data-passkey-problem]");
    if (!window.PublicKeyCredential || !button) continue;
    for (const hidden of document.querySelectorAll("[data-with-passkeys]")) hidden.hidden = false;
    button.addEventListener("click", async () => {
      if (!form.reportValidity()) return;
      button.disabled = true;
      problem.hidden = true;
      try {
        await ask(form);
      } catch (error) {
        problem.textContent = problems[error.name] || "The passkey could not be used: " + error.message;
        problem.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
