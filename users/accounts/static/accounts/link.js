// The token is in the fragment, so that no server or log on the way has seen it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const form = document.getElementById("link");

if (form && token) {
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}
