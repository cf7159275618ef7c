"""What is told to a person whose network, expression or labels cannot be used."""


class RegulationError(ValueError):
    """The input of a regulatory embedding cannot be used; the message names what, and what to do."""
