"""One rule language for request sections and models: rules, compiled checks, JSON Schema."""
