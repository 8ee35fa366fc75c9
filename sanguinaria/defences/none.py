"""No defence."""

from sanguinaria.defences import Defence


class NoDefence(Defence):
    """Leaves audio and model unchanged."""

    @property
    def is_identity(self) -> bool:
        return True
