"""The scorecard has no parameters of its own."""

from lib.run.declaration import Section


class Scorecard(Section):
    """Every published number beside ours."""


SECTIONS = {
    "scorecard": Scorecard,
}
