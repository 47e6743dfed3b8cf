"use strict";

// The browser sends the session's cookie along by itself, so whoever is logged in can try calls.
const place = document.getElementById("documentation");

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.source,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null, // or it would ask a server of somebody else
});
