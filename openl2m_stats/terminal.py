"""Text that is fit to be printed."""


def printable(value: object) -> str:
    """Return a text that cannot do anything to a terminal."""
    text = str(value)
    return text if text.isprintable() else ascii(text)
