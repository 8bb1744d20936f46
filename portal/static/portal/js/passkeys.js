// Passkeys. A form marked data-passkey="get" or "create" asks the browser for a credential and posts it.
// Without JavaScript or browser support the form stays hidden and the page offers the other sign-in methods.
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const withIds = (list) => (list ?? []).map((item) => ({ ...item, id: decode(item.id) }));

let waiting; // the request for the e-mail field's suggestions; only one may run at a time

async function optionsOf(form) {
  if (form.dataset.optionsUrl) {
    const answer = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()).request_options.publicKey;
  }
  const data = JSON.parse(document.getElementById(form.dataset.optionsId).textContent);
  return (data.creation_options ?? data.request_options).publicKey;
}

async function create(options) {
  const credential = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: decode(options.challenge),
      user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: withIds(options.excludeCredentials),
      authenticatorSelection: {
        ...options.authenticatorSelection,
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      },
    },
  });
  return {
    ...common(credential),
    response: {
      clientDataJSON: encode(credential.response.clientDataJSON),
      attestationObject: encode(credential.response.attestationObject),
      transports: credential.response.getTransports?.() ?? [],
    },
  };
}

async function get(options, more = {}) {
  const credential = await navigator.credentials.get({
    ...more,
    publicKey: {
      ...options,
      challenge: decode(options.challenge),
      allowCredentials: withIds(options.allowCredentials),
    },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return {
    ...common(credential),
    response: {
      clientDataJSON: encode(clientDataJSON),
      authenticatorData: encode(authenticatorData),
      signature: encode(signature),
      userHandle: userHandle ? encode(userHandle) : null,
    },
  };
}

const common = (credential) => ({
  type: credential.type,
  id: credential.id,
  rawId: encode(credential.rawId),
  authenticatorAttachment: credential.authenticatorAttachment ?? null,
  clientExtensionResults: credential.getClientExtensionResults(),
});

function send(form, credential) {
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

// Offer passkeys in the suggestions of the e-mail field, if the browser supports it.
async function offerInField(form) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  waiting = new AbortController();
  try {
    send(form, await get(await optionsOf(form), { mediation: "conditional", signal: waiting.signal }));
  } catch {
    // No passkey was chosen, or the button was used instead.
  }
}

// An IP address is no name that a passkey could belong to.
const isName = !/^(\[.*|[\d.]+)$/.test(location.hostname);
if (window.PublicKeyCredential && navigator.credentials && isName) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const problem = form.querySelector("[data-passkey-problem]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      waiting?.abort();
      problem.hidden = true;
      const button = event.submitter;
      if (button) button.disabled = true;
      try {
        const options = await optionsOf(form);
        send(form, await (form.dataset.passkey === "create" ? create(options) : get(options)));
      } catch {
        problem.hidden = false;
      } finally {
        if (button) button.disabled = false;
      }
    });
    if ("passkeyOffer" in form.dataset) offerInField(form);
  }
  for (const other of document.querySelectorAll("[data-with-passkeys][hidden]")) other.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkeys]")) other.hidden = true;
} else {
  for (const other of document.querySelectorAll("[data-needs-passkeys]")) other.hidden = true;
}
