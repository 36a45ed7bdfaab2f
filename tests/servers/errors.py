"""What keeps a server from starting or stopping: one sentence for a person, with what to do about it."""


class ServerProblem(Exception):
    """A server cannot be started, reached or stopped; the message says why and what helps."""
