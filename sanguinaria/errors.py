"""Errors that are the input's fault, told to the user in one message."""


class InputError(Exception):
    """Bad input: a configuration, an audio file, a checkpoint, a download.

    The message names the place, the cause and the fix; it is shown without a traceback.
    """
