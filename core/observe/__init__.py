"""What operators see of a running server: figures, an access log, spans."""
