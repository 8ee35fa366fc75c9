"""No defence."""

from sanguinaria.defences import Defence


class NoDefence(Defence):
    """The audio as it is."""

    @property
    def is_identity(self) -> bool:
        return True
