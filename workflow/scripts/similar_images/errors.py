"""The one exception that is meant for the user."""


class UserError(Exception):
    """A mistake or condition that the user can mend; shown without a traceback.

    The message names the file or setting, what is wrong, what is allowed, and what to do.
    """
