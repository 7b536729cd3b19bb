// The token is in the fragment, which browsers do not send to servers or proxies.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const form = document.getElementById("link");

if (form && token) {
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}

// Another link to this page changes the fragment only, which does not reload the page. With the empty
// query it is another URL, so the page is reloaded.
addEventListener("hashchange", () => {
  if (location.hash) {
    location.replace(`${location.pathname}?${location.hash}`);
  }
});
