// Draws the API reference from openapi.json. Everything comes from where this page came from.
const place = document.getElementById("reference");

const darkness = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", darkness.matches);
darkness.addEventListener("change", follow);
follow();

const answer = await fetch(new URL(place.dataset.openapi, location.href));
const spec = await answer.json();

// "Try it out" asks this very server, whatever name it goes by in the document.
const here = new URL(place.dataset.root, location.href).href.replace(/\/$/, "");
if (!spec.servers.some((server) => server.url === here)) {
  spec.servers.unshift({ url: here, description: "Where you are reading this" });
}

place.replaceChildren();
window.SwaggerUIBundle({
  spec,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  layout: "BaseLayout",
});
