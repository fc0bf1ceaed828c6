"""The API documentation: OpenAPI from linked routes, and the page that shows it."""
