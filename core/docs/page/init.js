"use strict";
// No sorter: tags and operations stand in the order of the route files. `validatorUrl: null` because the
// default sends the document to a public validator.
window.ui = SwaggerUIBundle({
  url: "/api-docs",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null
});
