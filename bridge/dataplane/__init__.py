"""The flow: ingress, pipeline, lanes, retry. Sees contracts only, never an implementation."""
