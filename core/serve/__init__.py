"""The hot path: one request from the gate to the encoded response."""
