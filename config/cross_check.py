"""What no single setting can know: whether the settings and the estate files fit together."""

from config.configuration import Config
from config.problems import Problem


def cross_check(config: Config) -> list[Problem]:
    """Every problem between settings, both errors and warnings; a pure function of what was read."""
    return []
