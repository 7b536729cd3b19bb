// The token is in the fragment, which browsers do not send to servers or proxies. The state of the
// history keeps it when the page is reloaded.
const form = document.getElementById("link");
const field = form?.elements.token;

if (field) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? history.state?.token;
  if (token) {
    field.value = token;
    history.replaceState({ token }, "", location.pathname);
  }
  form.hidden = !field.value;
  document.getElementById("no-token").hidden = Boolean(field.value);
}

// Another link to this page changes the fragment only, which does not reload the page. With the empty
// query it is another URL, so the page is reloaded.
addEventListener("hashchange", () => {
  if (location.hash) {
    location.replace(`${location.pathname}?${location.hash}`);
  }
});
