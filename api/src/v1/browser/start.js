// The document is named as seen from the page, so that it is found below any base path.
const ui = SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  layout: "BaseLayout",
  tryItOutEnabled: true,
  onComplete: () => {
    document.title = ui.specSelectors.info().get("title");
  },
});
