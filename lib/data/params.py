"""The overview of the sources has no parameters of its own."""

from lib.run.declaration import Section


class Fetch(Section):
    """Where the published data come from, and what of them is here."""


SECTIONS = {
    "fetch": Fetch,
}
