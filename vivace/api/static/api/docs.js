// Shows the OpenAPI document of this server, and sends what is tried out to this server.
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  tryItOutEnabled: true,
  // Off, since it would be asked of another server.
  validatorUrl: null,
  onComplete: () => document.documentElement.classList.add("ready"),
});
