// The token is in the fragment, so that no server or log on the way has seen it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const form = document.getElementById("link");

if (form && token) {
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}

// Another link to this page changes the fragment alone, which loads nothing. With the empty query it
// is another URL, so the page is loaded again, whatever it showed.
addEventListener("hashchange", () => {
  if (location.hash) {
    location.replace(`${location.pathname}?${location.hash}`);
  }
});
