"""What can stop the stack from starting, in words for the person at the terminal."""


class StackError(Exception):
    """The stack cannot start; the message says what is wrong and what to do, and is shown by itself."""


class StopAsked(Exception):
    """SIGINT, SIGTERM or SIGHUP came while the stack was still starting."""
