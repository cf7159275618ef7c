"""What can be wrong with the input of the translation."""


class TranslationError(ValueError):
    """Embeddings cannot be used; the message names file, gene or value and what to do."""


class SingularKernel(TranslationError):
    """A kernel without ridge has no inverse."""
