// Signs in with a passkey, and submits again what was typed before a reauthentication.

async function usePasskey(form) {
  const options = await fetch(form.dataset.passkey, { method: "POST", body: new FormData(form) });
  const answer = await options.json();
  if (!options.ok) {
    throw new Error(answer.problem);
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(answer);
  const credential = await navigator.credentials.get({ publicKey });
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-passkey]")) {
    event.preventDefault();
    const problem = form.querySelector("[data-problem]");
    problem.textContent = "";
    usePasskey(form).catch((error) => {
      // The browser's words are for developers.
      problem.textContent = error instanceof DOMException ? problem.dataset.problem : error.message;
    });
  }
});

function show(root) {
  if (globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    root.querySelectorAll("[data-passkey]").forEach((form) => {
      form.hidden = false;
    });
  }
}

addEventListener("DOMContentLoaded", () => {
  show(document);
  document.getElementById("resume-form")?.submit();
});
addEventListener("htmx:afterSettle", (event) => show(event.target.parentElement ?? document));
