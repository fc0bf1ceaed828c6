"""Outgoing calls: declared upstreams, guarded, bounded, and given up when they fail."""
