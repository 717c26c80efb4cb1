"""The one exception a user is meant to read."""


class UserError(Exception):
    """A mistake in the input that the user can correct.

    The message is one line: what is wrong, the value found and what is allowed.
    Scripts print it without a traceback and exit with status 2.
    """
